"""`token-broker exchange`: to whom it sends which JWT, and what it shows."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web
from token_broker.main import parser

from tests.kit.servers import serving
from tests.kit.token_server import TokenServer, token

COMMAND = Path(sys.executable).with_name("token-broker")


def exchange(url: str, folder: Path) -> tuple[int, str, str]:
    (folder / "jwt").write_text("a.b.c\n")
    command: list[str | Path] = [COMMAND, "exchange", "--url", url, "--jwt", folder / "jwt"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "url",
    [
        "http://tokens.example.com",
        "http://tokens.localhost:4191",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@tokens.example.com",
        # One parser of URLs reads 127.0.0.1 here, and another, which sends, tokens.example.com.
        "http://tokens.example.com\\@127.0.0.1",
        "HTTP://tokens.example.com",
        "tokens.example.com",
        "ftp://127.0.0.1",
        "https://",
    ],
)
def test_a_jwt_is_not_sent_in_the_clear(url: str, tmp_path: Path) -> None:
    assert exchange(url, tmp_path) == (
        2,
        "",
        "token-broker: --url must begin with https:// (http only for 127.0.0.1, localhost and ::1); nothing was sent\n",
    )


def test_a_jwt_is_sent_to_this_machine(tmp_path: Path) -> None:
    seen: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.get("authorization"))
        return web.json_response({"access_token": "t", "token_type": "Bearer", "expires_in": 600})

    app = web.Application()
    app.router.add_post("/token", answer)
    with serving(lambda: app) as origin:
        status, out, _ = exchange(f"{origin}/", tmp_path)
    assert (status, '"access_token": "t"' in out, seen) == (0, True, ["Bearer a.b.c"])


def run(*words: str) -> int:
    arguments = parser().parse_args(["exchange", *words])
    return int(arguments.run(arguments))


def test_broker_and_identity_of_the_environment_are_used_where_no_option_names_others(
    broker: TokenServer, tmp_path: Path
) -> None:
    broker.then(token())
    (tmp_path / "jwt").write_text("d.e.f")
    assert run() == run("--jwt", str(tmp_path / "jwt")) == 0
    assert [call.jwt for call in broker.calls] == ["a.b.c", "d.e.f"]


def test_a_busy_broker_is_asked_once_and_its_answer_shown(
    broker: TokenServer, capsys: pytest.CaptureFixture[str]
) -> None:
    broker.then({"error": "temporarily_unavailable", "retry_after": 0.01, "request_id": "r1"}, 429)
    assert run() == 1
    shown = json.loads(capsys.readouterr().err)
    assert (shown["error"], shown["retry_after"], shown["request_id"]) == ("temporarily_unavailable", 0.01, "r1")
    assert len(broker.calls) == 1


def test_a_broker_elsewhere_gets_no_jwt_of_the_local_issuer(
    environ: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--url", "https://tokens.invalid") == 2
    assert "no identity: set TRANSLOADIT_IDENTITY_TOKEN_FILE" in capsys.readouterr().err


def test_without_broker_and_stack_both_ways_to_one_are_named(
    environ: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run("--stack", str(tmp_path / "stack.json")) == 2
    assert capsys.readouterr().err == (
        "token-broker: no broker: set TRANSLOADIT_BROKER_URL to its URL, or: the stack is not up; start it with "
        "`make up`\n"
    )
