"""`make up`, `make down` and `make demo` as a user runs them."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import urllib3
from broker.policy.scopes import SCOPES

from local.aws.services import client, secret_name
from local.loopback.processes import free_ports
from local.sandbox.app import create_app
from local.sandbox.model import AuthKey
from tests.kit.api2 import Api2
from tests.kit.servers import serving
from tests.kit.stacks import Client
from tests.kit.waiting import wait_until

KEY = {"TRANSLOADIT_KEY": "k", "TRANSLOADIT_SECRET": "s"}
MEMBERS = {
    "broker_url",
    "invoke_url",
    "token_function_url",
    "assembly_function_url",
    "api2_url",
    "issuer_url",
    "site_url",
    "audience",
    "aws_endpoint_url",
    "durable_url",
    "aws_access_key_id",
    "aws_secret_access_key",
    "auth_key",
    "auth_secret",
    "workspace",
    "cdn_url",
    "uploads_auth_key",
    "pictures_auth_key",
    "policy",
    "log_dir",
}


class Stack:
    """`python -m local …`, which make calls, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self, command: str, **variables: str) -> subprocess.Popen[str]:
        names = {"PORT": "0", "WORKERS": "1", "POLICY": "local/policy.yaml", "UPSTREAM": ""}
        return subprocess.Popen(
            [sys.executable, "-m", "local", command, "--directory", str(self.folder)],
            env={**os.environ, **names, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell that runs the tests in the background has them ignore Ctrl-C, and a child would, too.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )

    def run(self, command: str, **variables: str) -> tuple[int, str, str]:
        process = self.start(command, **variables)
        out, err = process.communicate(timeout=100)
        return process.returncode, out, err

    def info(self) -> dict[str, str]:
        return dict(json.loads((self.folder / "stack.json").read_text()))

    def processes(self) -> list[int]:
        """Processes that belong to this stack: its folder is in their arguments, or they are children of such."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                text = (entry / "cmdline").read_bytes() + (entry / "cwd").readlink().as_posix().encode()
            except OSError:
                continue
            if str(self.folder).encode() in text and int(entry.name) != os.getpid():
                found.append(int(entry.name))
        return found


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    running = Stack(tmp_path / "stack")
    yield running
    running.run("down")
    wait_until(lambda: not running.processes())


def test_up_returns_when_all_answers_and_down_leaves_nothing(stack: Stack) -> None:
    status, out, err = stack.run("up")
    assert status == 0, err
    info = stack.info()
    assert info.keys() == MEMBERS
    assert stat.S_IMODE((stack.folder / "stack.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((stack.folder / "issuer-key.pem").stat().st_mode) == 0o600
    assert f"curl {info['broker_url']}/token" in out
    assert f"page    {info['site_url']}" in out
    assert stat.S_IMODE((stack.folder / "log").stat().st_mode) == 0o700
    assert info["auth_secret"] not in out + err
    assert urllib3.request("GET", f"{info['broker_url']}/health").status == 200
    assert urllib3.request("GET", f"{info['issuer_url']}/.well-known/openid-configuration").status == 200
    status, out, _ = stack.run("down")
    assert (status, out) == (0, "the stack is down\n")
    assert not (stack.folder / "stack.json").exists()
    wait_until(lambda: not stack.processes())


def test_each_credential_of_the_policy_has_the_secret_of_an_auth_key_of_its_own(stack: Stack) -> None:
    stack.run("up")
    info = stack.info()
    vault = client("secretsmanager", info["aws_endpoint_url"], Client(stack.folder).principal)
    api2 = Api2(info["api2_url"])
    scopes = {}
    for credential in ("default", "uploads", "pictures"):
        pair = json.loads(vault.get_secret_value(SecretId=secret_name(credential))["SecretString"])
        minted = api2.token(f"{pair['auth_key']}:{pair['auth_secret']}")[1]
        scopes[credential] = minted["scope"]
    assert scopes == {"default": " ".join(SCOPES), "uploads": "assemblies:write", "pictures": "smart_cdn:sign"}


def test_down_without_a_stack_prints_that_none_is_up(stack: Stack) -> None:
    assert stack.run("down") == (0, "no stack is up\n", "")


def test_the_jwt_command_prints_a_jwt_that_the_stack_accepts_and_nothing_else(stack: Stack) -> None:
    stack.run("up")
    command = Path(sys.executable).with_name("token-broker")
    options = ["--stack", str(stack.folder / "stack.json")]
    jwt = subprocess.run([command, "jwt", *options], capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", jwt)
    exchanged = subprocess.run(
        [command, "exchange", "--jwt", "-", *options], input=jwt, capture_output=True, text=True, check=True
    )
    assert json.loads(exchanged.stdout)["scope"] == "assemblies:read assemblies:write"
    refused = subprocess.run(
        [command, "exchange", *options, "--scope", "billing:read"], capture_output=True, text=True, check=False
    )
    assert (refused.returncode, json.loads(refused.stderr)["error"]) == (1, "invalid_scope")


def test_the_jwt_command_without_a_stack_says_what_to_do(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("token-broker")
    done = subprocess.run(
        [command, "jwt", "--stack", tmp_path / "stack.json"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "token-broker: the stack is not up; start it with `make up`\n"


def test_a_busy_port_is_one_clear_line(stack: Stack) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, out, err = stack.run("up", PORT=str(port))
    assert (status, out) == (1, "")
    assert err == f"port {port} (for broker) is busy; choose another run of seven with PORT=4100\n"


def test_a_wrong_policy_is_reported_by_its_place_before_anything_starts(stack: Stack, tmp_path: Path) -> None:
    policy = tmp_path / "wrong.yaml"
    policy.write_text("version: 1\nrulez: []\n")
    status, _, err = stack.run("up", POLICY=str(policy))
    assert status == 1
    assert f"{policy}:2:1: error: unknown key `rulez`; did you mean `rules`?" in err
    assert stack.processes() == []


@pytest.mark.timeout(300)  # two stacks, one after the other
def test_a_stack_that_runs_is_left_alone_until_nothing_is_wrong_with_the_new_one(stack: Stack, tmp_path: Path) -> None:
    stack.run("up")
    before, supervisor = stack.info(), (stack.folder / "supervisor.lock").read_text()
    artifact = (stack.folder / "artifact/policy.json").read_bytes()
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("version: 1\n")
    for variables in ({"POLICY": str(wrong)}, {"POLICY": "no/such/file.yaml"}, {"PORT": "many"}):
        assert stack.run("up", **variables)[0] == 1
        assert stack.info() == before
    assert (stack.folder / "supervisor.lock").read_text() == supervisor
    assert (stack.folder / "artifact/policy.json").read_bytes() == artifact
    assert Client(stack.folder).post().status == 200
    first = urlsplit(before["broker_url"]).port
    status, out, err = stack.run("up", PORT=str(min(first or 0, 65_000)))
    if "is busy" not in err:  # as a neighbour's port in the run of seven may be
        assert (status, "stopping it first" in out) == (0, True)
        assert (stack.folder / "supervisor.lock").read_text() != supervisor


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"PORT": "many"}, "PORT=many: write a whole number from 0 to 65000"),
        ({"UPSTREAM": "https://api2.transloadit.com"}, "UPSTREAM needs TRANSLOADIT_KEY and TRANSLOADIT_SECRET"),
        ({"PORT": "\u00b2"}, "write a whole number"),
        ({"WORKERS": "0"}, "WORKERS=0: write a whole number from 1 to 64"),
        ({**KEY, "UPSTREAM": "http://api2.transloadit.com"}, "write an origin such as https://api2.transloadit.com"),
        ({**KEY, "UPSTREAM": "api2.transloadit.com"}, "write an origin such as https://api2.transloadit.com"),
        ({"POLICY": "no/such/file.yaml"}, "no/such/file.yaml; POLICY names the trust policy"),
        ({"POLICY": "local"}, "cannot be read (Is a directory); POLICY names the trust policy"),
    ],
)
def test_a_wrong_option_is_one_clear_line(stack: Stack, variables: dict[str, str], message: str) -> None:
    status, _, err = stack.run("up", **variables)
    assert status == 1
    assert message in err
    assert len(err.splitlines()) == 1


@pytest.mark.timeout(300)  # two stacks, one after the other
def test_two_stacks_started_at_once_both_report_success_and_the_second_replaces_the_first(stack: Stack) -> None:
    """The plan of one stack once ran with the policy of the other, and was reported as the first one's own."""
    both = [stack.start("up"), stack.start("up")]
    assert [(process.communicate(timeout=100)[1], process.returncode) for process in both] == [("", 0), ("", 0)]
    assert urllib3.request("GET", f"{stack.info()['broker_url']}/health").status == 200


def test_a_killed_supervisor_leaves_no_process(stack: Stack) -> None:
    stack.run("up")
    supervisor = int((stack.folder / "supervisor.lock").read_text())
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: not stack.processes())


def test_the_stack_serves_the_ports_from_port(stack: Stack) -> None:
    for first in (port for port in free_ports(20) if port < 65_000):
        status, _, err = stack.run("up", PORT=str(first))
        if "is busy" not in err:  # as a neighbour may be
            break
    assert status == 0
    assert stack.info()["broker_url"] == f"http://127.0.0.1:{first}"
    assert stack.info()["api2_url"] == f"http://127.0.0.1:{first + 2}"


def test_another_upstream_mints_the_tokens_with_the_key_from_the_environment(stack: Stack) -> None:
    key = AuthKey("my-key", "my-secret", ("assemblies:read", "assemblies:write"))
    with serving(lambda: create_app([key])) as origin:
        status, out, err = stack.run("up", UPSTREAM=origin, TRANSLOADIT_KEY=key.key, TRANSLOADIT_SECRET=key.secret)
        assert (status, err) == (0, err)
        assert "answered with server_error: pictures, uploads" in out
        answer = Client(stack.folder).post()
        assert answer.status == 200
        assert urllib3.request("GET", f"{origin}/_sandbox/calls").json() == {"POST /token": 1}
        assert stack.info()["api2_url"] == origin


def test_the_demo_tells_its_story_and_ctrl_c_ends_it_without_a_trace(stack: Stack) -> None:
    demo = stack.start("demo")
    assert demo.stdout is not None
    lines = []
    for line in demo.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            break
    story = "".join(lines)
    for part in (
        "alice",
        "The policy said yes",
        "minted a bearer token",
        "200, 0 so far",
        "the same token",
        "403",
        "401",
    ):
        assert part in story
    info = stack.info()
    (stack.folder / "inbox/holiday.mp4").write_bytes(b"a film")
    told = []
    for line in demo.stdout:
        told.append(line)
        if "ASSEMBLY_COMPLETED" in line or "Error" in line or "Denied" in line:
            break
    assert told[0] == "holiday.mp4: Object Created, sent to the Assembly function\n"
    assert re.fullmatch(r"holiday\.mp4: (Assembly [0-9a-f]{32}, )?ASSEMBLY_COMPLETED\n", told[-1])
    demo.send_signal(signal.SIGINT)
    out, err = demo.communicate(timeout=100)
    assert (demo.returncode, out.strip(), err) == (0, "stopped", "")
    assert info["auth_secret"] not in story
    wait_until(lambda: not stack.processes())


def test_ctrl_c_during_a_start_leaves_nothing(stack: Stack) -> None:
    demo = stack.start("demo")
    assert demo.stdout is not None
    assert demo.stderr is not None
    for line in demo.stdout:
        if "starting the stack" in line:
            break
    demo.send_signal(signal.SIGINT)
    demo.communicate(timeout=100)
    assert demo.returncode == 0
    wait_until(lambda: not stack.processes())
