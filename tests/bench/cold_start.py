"""Cold start: process start to the first token, this artifact beside a plain `sam build` of the same code.

python -m tests.bench.cold_start

Both run under the emulator in turn, in pairs, so that a noisy machine is noisy for both.
"""

import asyncio
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from local import artifact, aws
from local.emulator.environment import Function, environments
from tests.kit.stacks import Client, running_stack

PAIRS = 15
TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  BrokerFunction:
    Type: AWS::Serverless::Function
    Properties: {{CodeUri: src/, Handler: broker.http_api.handler, Runtime: python3.13, Architectures: [{machine}]}}
"""


def plain_build(folder: Path) -> Path:
    """The same code and lock file, by SAM's own Python builder."""
    shutil.copytree(
        artifact.ROOT / "functions/broker", folder / "src/broker", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(artifact.ROOT / "requirements.txt", folder / "src")
    machine = {"x86_64": "x86_64"}.get(platform.machine(), "arm64")
    (folder / "template.yaml").write_text(TEMPLATE.format(machine=machine))
    binaries = Path(sys.executable).parent
    # SAM's builder looks for python3.13 on the path.
    environment = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}", "SAM_CLI_TELEMETRY": "0"}
    environment["AWS_DEFAULT_REGION"] = "us-east-1"
    subprocess.run([binaries / "sam", "build"], cwd=folder, env=environment, check=True, capture_output=True)
    return folder / ".aws-sam/build/BrokerFunction"


async def first_exchange(folder: Path, scratch: Path, event: bytes) -> float:
    """Seconds from the start of the process to the first token."""
    function = Function(folder, "broker.http_api.handler", 15, 512, {"SERVICE_NAME": "bench"})
    # Lambda's file system is read-only, so nothing that is compiled at start can be kept.
    variables = {**aws.TEST_CREDENTIALS, "PYTHONDONTWRITEBYTECODE": "1"}
    (environment,) = environments(1, function, scratch, variables)
    started = time.perf_counter()
    await environment.start()
    outcome = await environment.invoke(event)
    took = time.perf_counter() - started
    await environment.stop()
    assert json.loads(outcome.payload)["statusCode"] == 200
    return took


def token_event(client: Client) -> bytes:
    event = json.loads((artifact.ROOT / "tests/events/token.json").read_text())
    event["headers"]["authorization"] = f"Bearer {client.jwt()}"
    return json.dumps(event).encode()


def main() -> None:
    folder = Path(tempfile.mkdtemp())
    with running_stack(folder / "stack", artifact.ROOT / "local/policy.yaml", workers=1) as client:
        policy = (folder / "stack/artifact/policy.json").read_bytes()
        names = {"this artifact": folder / "ours", "a plain sam build": folder / "plain"}
        artifact.lay_over(folder / "stack/artifact", policy, names["this artifact"])
        artifact.lay_over(plain_build(folder / "build"), policy, names["a plain sam build"])
        took: dict[str, list[float]] = {name: [] for name in names}
        for number in range(PAIRS + 1):
            for name, path in names.items():
                seconds = asyncio.run(first_exchange(path, folder, token_event(client)))
                if number:  # the first pair fills the file cache
                    took[name].append(seconds * 1000)
    for name, values in took.items():
        size = sum(path.stat().st_size for path in names[name].rglob("*") if path.is_file()) / 1e6
        spread = f"{min(values):.0f} / {statistics.median(values):.0f} / {max(values):.0f} ms"
        sys.stdout.write(f"{name:20} min / median / max {spread}, {size:.1f} MB unpacked\n")
    ours, plain = took.values()
    ratios = [slow / fast for fast, slow in zip(ours, plain, strict=True)]
    sys.stdout.write(f"plain takes {statistics.median(ratios):.2f} times as long (median of {PAIRS} pairs)\n")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
