"""The measured parties: ours, an empty handler, and a conventional one. All are artifacts under the same emulator."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from token_broker.policy.compiler import Local, compile_policy

from infra.sam import ROOT
from local.aws.services import secret_name
from local.aws.template import translated
from local.emulator.environment import Function, environments
from local.emulator.pool import Environment
from local.stack import artifact
from local.stack.options import PARAMETERS
from tests.bench.outside import Outside
from tests.kit.policies import AUDIENCE

HERE = Path(__file__).parent
CACHE = ROOT / ".local"
POLICY = ROOT / "local/policy.yaml"
TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  Function:
    Type: AWS::Serverless::Function
    Properties: {{CodeUri: src/, Handler: app.handler, Runtime: python3.13, Architectures: [{machine}]}}
"""


@dataclass(frozen=True, slots=True)
class Party:
    """A measured artifact. `variables`: the environment variables of its environments."""

    name: str
    function: Function
    folder: Path
    variables: Mapping[str, str] = field(repr=False)

    def environment(self) -> Environment:
        """A fresh environment, not yet started."""
        (made,) = environments(1, self.function, self.folder, self.variables, name=self.name)
        return made


@dataclass(frozen=True, slots=True)
class Parties:
    ours: Party
    empty: Party
    conventional: Party

    def __iter__(self) -> Iterator[Party]:
        return iter((self.ours, self.empty, self.conventional))


def prepared(outside: Outside, folder: Path) -> Parties:
    """All three, built and laid out in `folder`. Raises BuildFailed, CalledProcessError."""
    (folder / "log").mkdir()
    # Lambda's file system is read-only, so nothing that is compiled at start can be kept.
    variables = {**outside.variables, "PYTHONDONTWRITEBYTECODE": "1"}
    # The deployment by default: without the shared cache, which the fleet measures.
    resources = translated(ROOT / "template.yaml", PARAMETERS | {"SharedCache": "no"}, CACHE)
    artifact.lay_over(artifact.built(CACHE), compiled(outside), folder / "ours")
    ours = Function.from_template(resources["BrokerFunction"]["Properties"], folder / "ours")
    theirs = {
        "ISSUER_URL": outside.issuer_url,
        "API2_URL": outside.api2_url,
        "AUDIENCE": AUDIENCE,
        "SECRET_NAME": secret_name("default"),
        "POWERTOOLS_SERVICE_NAME": "conventional",
    }

    def other(name: str, path: Path, told: Mapping[str, str]) -> Party:
        return Party(name, Function(path, "app.handler", ours.timeout, ours.memory, told), folder, variables)

    return Parties(
        Party("ours", ours, folder, variables),
        other("empty", HERE / "empty", {}),
        other("conventional", build_plainly("conventional", HERE / "conventional"), theirs),
    )


def plain(ours: Party) -> Party:
    """Ours by a plain `sam build`, which ships no byte-code. Raises CalledProcessError."""
    built = build_plainly("ours", ROOT / "functions", ROOT / "requirements.txt")
    folder = ours.folder / "plain"
    artifact.lay_over(built, (ours.function.artifact / "policy.json").read_bytes(), folder)
    return replace(ours, name="ours, plainly built", function=replace(ours.function, artifact=folder))


def compiled(outside: Outside) -> bytes:
    """The local stack's policy, compiled for this outside world."""
    local = Local(outside.api2_url, outside.aws_url, {"ISSUER_URL": outside.issuer_url, "AUDIENCE": AUDIENCE})
    return compile_policy(POLICY.read_text("utf-8"), str(POLICY), local).data


def build_plainly(name: str, *sources: Path) -> Path:
    """The artifact that SAM's own Python builder makes of files and the contents of folders; rebuilt after a change."""
    machine = "x86_64" if platform.machine() == "x86_64" else "arm64"
    template = TEMPLATE.format(machine=machine)
    folder = CACHE / f"plain-{name}"
    shutil.rmtree(folder / "src", ignore_errors=True)
    (folder / "src").mkdir(parents=True)
    for source in sources:
        if source.is_file():
            shutil.copy(source, folder / "src")
        else:
            shutil.copytree(source, folder / "src", ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    inputs = [path for path in sorted(folder.glob("src/**/*")) if path.is_file()]
    digest = hashlib.sha256(b"\0".join([template.encode(), *(path.read_bytes() for path in inputs)])).hexdigest()
    mark = folder / "inputs"
    if not mark.exists() or mark.read_text() != digest:
        (folder / "template.yaml").write_text(template)
        binaries = Path(sys.executable).parent
        # SAM's builder looks for python3.13 on the path.
        variables = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}", "SAM_CLI_TELEMETRY": "0"}
        variables["AWS_DEFAULT_REGION"] = "us-east-1"
        subprocess.run([binaries / "sam", "build"], cwd=folder, env=variables, check=True, capture_output=True)
        mark.write_text(digest)
    return folder / ".aws-sam/build/Function"


def token_event(jwt: str) -> dict[str, Any]:
    """What API Gateway sends for a token request with this caller JWT."""
    return _event("/token", "ANY /token", "POST", authorization=f"Bearer {jwt}")


def signature_event(jwt: str, members: dict[str, Any]) -> dict[str, Any]:
    """What API Gateway sends for a request for a signature."""
    headers = {"authorization": f"Bearer {jwt}", "content-type": "application/json"}
    event = _event("/signature", "ANY /signature", "POST", **headers)
    return event | {"body": json.dumps(members), "isBase64Encoded": False}


def health_event() -> dict[str, Any]:
    return _event("/health", "GET /health", "GET")


def _event(path: str, route: str, method: str, **headers: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "tests/events/token.json").read_text())
    event |= {"rawPath": path, "routeKey": route}
    event["requestContext"] |= {"routeKey": route}
    event["requestContext"]["http"] |= {"path": path, "method": method}
    event["headers"] |= headers
    return event
