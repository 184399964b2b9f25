"""`token-broker exchange`: to whom it sends a JWT."""

import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web

from tests.kit.servers import serving

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
