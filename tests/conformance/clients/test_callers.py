"""docs/callers.md: the lines that a reader copies, run as they stand, their addresses those of the stack."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from infra.sam import ROOT
from tests.conformance.clients.conftest import AGENT, AUDIENCE, STS_ISSUER, listed_assemblies
from tests.kit.docs import blocks
from tests.kit.jwts import Signer
from tests.kit.readers import Reader, make_reader
from tests.kit.servers import serving
from tests.kit.stacks import Client

PAGE = "docs/callers.md"
GITHUB, GITLAB, POD = (yaml.safe_load(block) for block in blocks(PAGE, "yml"))
OF_POD, OF_ROLE, OF_KEY, OF_LOGIN = blocks(PAGE, "python")
PYTHON = Path(sys.executable)


@pytest.fixture
def reader(tmp_path: Path, stack: Client) -> Reader:
    return make_reader(tmp_path, stack.stack["broker_url"], stack.stack["api2_url"], stack.jwt())


def assert_counted(done: subprocess.CompletedProcess[str], stack: Client) -> None:
    """The program printed how many Assemblies there are."""
    assert (done.returncode, done.stdout) == (0, f"{listed_assemblies(stack)['count']}\n"), done.stderr


def test_the_steps_of_a_github_job_use_the_action_as_it_is_and_read_its_token(reader: Reader, stack: Client) -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    exchange, use = GITHUB["steps"]
    assert GITHUB["permissions"]["id-token"] == "write"
    assert exchange["with"].keys() <= action["inputs"].keys()
    (name, value) = next(iter(use["env"].items()))
    assert value.strip("${} ").removeprefix(f"steps.{exchange['id']}.outputs.") in action["outputs"]
    token = stack.post(scope=exchange["with"]["scope"]).body["access_token"]
    done = reader.run(use["run"], {name: token})
    assert done.returncode == 0, done.stderr


def test_the_script_of_a_gitlab_job_calls_transloadit_with_a_token(reader: Reader, stack: Client) -> None:
    job = GITLAB["list"]
    (variable,) = job["id_tokens"]
    done = reader.run("\n".join(job["script"]), job["variables"] | {variable: stack.jwt()})
    assert done.returncode == 0, done.stderr
    assert f"without {variable}" in done.stderr


def test_a_program_in_a_pod_calls_transloadit_by_the_file_that_the_kubelet_writes(
    reader: Reader, stack: Client
) -> None:
    (container,), (volume,) = POD["containers"], POD["volumes"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    (mount,), (source,) = container["volumeMounts"], volume["projected"]["sources"]
    file = f"{mount['mountPath']}/{source['serviceAccountToken']['path']}"
    assert variables["TRANSLOADIT_IDENTITY_TOKEN_FILE"] == file
    (reader.folder / "jwt").write_text(stack.jwt())
    variables["TRANSLOADIT_IDENTITY_TOKEN_FILE"] = str(reader.folder / "jwt")
    assert_counted(reader.run(OF_POD, variables, python=PYTHON), stack)


@pytest.fixture
def sts_url(sts: Signer) -> Iterator[str]:
    """An STS that signs web identity tokens for whoever asks.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html
    """

    async def answer(request: web.Request) -> web.Response:
        asked = await request.post()
        assert asked["Action"] == "GetWebIdentityToken"
        now = int(time.time())
        own = {"aws_account": "123456789012", "source_region": "us-east-1"}
        claims = {
            "iss": STS_ISSUER,
            "aud": AUDIENCE,
            "sub": "arn:aws:iam::123456789012:role/worker",
            "iat": now,
            "exp": now + 300,
            "https://sts.amazonaws.com/": own,
        }
        result = f"<WebIdentityToken>{sts.jwt(claims)}</WebIdentityToken><Expiration>2026-11-25T23:00:00Z</Expiration>"
        name = "GetWebIdentityToken"
        text = f"<{name}Response><{name}Result>{result}</{name}Result></{name}Response>"
        return web.Response(text=text, content_type="text/xml")

    def make() -> web.Application:
        app = web.Application()
        app.router.add_post("/", answer)
        return app

    with serving(make) as origin:
        yield origin


def aws(stack: Client) -> dict[str, str]:
    keys = {name.upper(): stack.stack[name] for name in ("aws_access_key_id", "aws_secret_access_key")}
    return {**keys, "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}


def test_a_program_with_an_aws_role_calls_transloadit_by_sts(reader: Reader, stack: Client, sts_url: str) -> None:
    assert_counted(reader.run(OF_ROLE, aws(stack) | {"AWS_ENDPOINT_URL_STS": sts_url}, python=PYTHON), stack)


def test_a_program_with_an_aws_role_calls_transloadit_by_a_signed_request(reader: Reader, stack: Client) -> None:
    assert_counted(reader.run(re.sub(r"\bsts\b", "iam", OF_ROLE), aws(stack), python=PYTHON), stack)


def test_a_program_with_a_key_of_its_own_calls_transloadit(reader: Reader, stack: Client, agent: Signer) -> None:
    pem = agent.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (reader.folder / "agent.pem").write_bytes(pem)
    assert f'"{AGENT}"' in OF_KEY
    assert_counted(reader.run(OF_KEY, python=PYTHON), stack)


def test_a_program_of_a_person_who_is_logged_in_calls_transloadit(reader: Reader, stack: Client) -> None:
    assert_counted(reader.run(OF_LOGIN, python=PYTHON), stack)
    (lines,) = blocks(PAGE, "sh")
    done = reader.run(lines)
    assert done.returncode == 0, done.stderr
