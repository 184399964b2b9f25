"""What callers hold in their hands, against the stack: the command `exec`, and a program that runs for hours."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from token_broker_client import TokenError, TokenProvider, file

from tests.kit.clock import Clock
from tests.kit.node import node_for
from tests.kit.official import FOLDER
from tests.kit.stacks import Client
from tests.kit.token_server import Answer, Call, TokenServer, token_server

COMMAND = Path(sys.executable).with_name("token-broker")
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def job(clean: Client, tmp_path: Path) -> Run:
    """Run a command line as a job does: with a caller JWT in a file, and in a folder that is not trusted."""
    (tmp_path / "jwt").write_text(clean.jwt())
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "TRANSLOADIT_BROKER_URL": clean.stack["broker_url"],
        "TRANSLOADIT_IDENTITY_TOKEN_FILE": str(tmp_path / "jwt"),
        "TRANSLOADIT_ENDPOINT": clean.stack["api2_url"],
    }

    def run(*words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        environment = variables | more
        return subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60
        )

    return run


@contextmanager
def broker_that_can_be_down(client: Client) -> Iterator["Relay"]:
    """A way to the stack's broker that a test can interrupt."""
    with token_server() as server:
        yield Relay(server, client)


class Relay:
    """Hands calls on to the broker, unless it `is_down`; then it ends the connection."""

    def __init__(self, server: TokenServer, client: Client) -> None:
        self.origin, self.calls = server.origin, server.calls
        self.is_down = False
        self.answered = 0
        self._client = client
        server.answer = self._answer

    def _answer(self, call: Call) -> Answer | None:
        if self.is_down:
            return None
        self.answered += 1
        headers = {name: call.headers[name] for name in ("authorization", "content-type")}
        answer = self._client.send(call.method, call.path, body=call.body.encode(), headers=headers)
        return answer.status, {}, answer.text.encode()


def test_transloadit_s_own_command_line_makes_and_lists_assemblies_by_exec_without_a_secret(
    job: Run, clean: Client, tmp_path: Path
) -> None:
    # The folder's own `.env` would send the token to its writer.
    (tmp_path / ".env").write_text("TRANSLOADIT_ENDPOINT=http://127.0.0.1:9\nTRANSLOADIT_KEY=k\nTRANSLOADIT_SECRET=s\n")
    (tmp_path / "steps.json").write_text(json.dumps({"resize": {"robot": "/image/resize", "use": ":original"}}))
    (tmp_path / "photo.txt").write_text("a photo")
    cli = [*node_for(FOLDER), FOLDER / "node_modules/transloadit/dist/cli.js"]
    files = ["--steps", "steps.json", "--input", "photo.txt", "--output", "made.txt"]
    # Other tests of this stack make Assemblies too.
    _, before = clean.api2.by(clean.post().body["access_token"], "GET", "/assemblies")
    others = {assembly["id"] for assembly in before["items"]}
    made = job(COMMAND, "exec", "--", *cli, "assemblies", "create", *files, TRANSLOADIT_SECRET="not for the command")
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "made.txt").read_text() == "a photo"
    listed = job(COMMAND, "exec", "--scope", "assemblies:read", "--", *cli, "assemblies", "list", "--json")
    assert len({json.loads(line)["id"] for line in listed.stdout.splitlines()} - others) == 1
    refused = job(COMMAND, "exec", "--scope", "assemblies:read", "--", *cli, "templates", "list", "--json")
    assert refused.returncode != 0
    assert "INSUFFICIENT_AUTH_SCOPE" in refused.stdout + refused.stderr


def test_exchange_takes_broker_and_identity_of_the_environment(job: Run) -> None:
    done = job(COMMAND, "exchange", "--scope", "assemblies:read")
    assert (done.returncode, json.loads(done.stdout)["scope"]) == (0, "assemblies:read")


def test_a_program_of_seven_hours_outlives_its_identities_and_a_broker_that_is_down_and_causes_one_mint(
    clean: Client, tmp_path: Path
) -> None:
    """By the program's clock; the broker's stands still, and gives the token that it has for as long as that lives."""
    clock, path = Clock(), tmp_path / "jwt"
    with broker_that_can_be_down(clean) as broker:
        provider = TokenProvider(broker.origin, file(path), clock=clock)
        for minute in range(0, 7 * 60, 5):
            # Kubernetes, or a process beside, puts another JWT in its place.
            path.write_text(clean.jwt(sub="a-program", groups=["personal"], jti=f"{minute}"))
            # The token is to be renewed after 288 minutes.
            broker.is_down = 270 <= minute < 340
            assert clean.api2.by(provider(), "GET", "/templates")[0] == 200, minute
            clock.advance(300)
    assert clean.mints == 1
    assert broker.answered == 2
    assert len({call.jwt for call in broker.calls}) == len(broker.calls) > 10


def test_a_program_whose_broker_stays_down_is_told_when_its_token_has_ended(clean: Client) -> None:
    clock = Clock()
    with broker_that_can_be_down(clean) as broker:
        provider = TokenProvider(broker.origin, clean.jwt, clock=clock)
        provider()
        broker.is_down = True
        clock.advance(21_000)
        provider()
        clock.advance(600)
        with pytest.raises(TokenError, match="the connection broke; try again"):
            provider()
