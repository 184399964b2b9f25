"""The official command line, unmodified: `auth token`, and calls with that token."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.sandbox.model import AuthKey
from tests.kit.api2 import KEY, NARROW, STEPS, Api2
from tests.kit.node import Node
from tests.kit.official import FOLDER

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cli(node: Node, package: str, api2: Api2, tmp_path: Path) -> Cli:
    """Run `transloadit …` in a folder and a home without credentials; its credentials come in environment variables."""

    def run(*arguments: str | Path, given: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        program = FOLDER / "node_modules" / package / "dist/cli.js"
        variables = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TRANSLOADIT_ENDPOINT": api2.origin}
        return subprocess.run(
            [*node, program, *arguments],
            cwd=tmp_path,
            env=variables | environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


def secret_of(key: AuthKey) -> dict[str, str]:
    return {"TRANSLOADIT_KEY": key.key, "TRANSLOADIT_SECRET": key.secret}


def token(cli: Cli, scope: str) -> str:
    """A bearer token by `auth token`."""
    minted = cli("auth", "token", "--aud", "api2", "--scope", scope, **secret_of(KEY))
    assert minted.returncode == 0, minted.stderr
    body = json.loads(minted.stdout)
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 21600, scope.replace(",", " "))
    return str(body["access_token"])


def test_a_token_of_the_command_line_makes_lists_and_replays_assemblies(cli: Cli, tmp_path: Path) -> None:
    bearer = {"TRANSLOADIT_AUTH_TOKEN": token(cli, "assemblies:read,assemblies:write")}
    (tmp_path / "steps.json").write_text(json.dumps(STEPS))
    (tmp_path / "photo.txt").write_text("a photo")
    files = ["--steps", "steps.json", "--input", "photo.txt", "--output", "made.txt"]
    made = cli("assemblies", "create", *files, **bearer)
    assert made.returncode == 0, made.stderr
    # The sandbox processes nothing: the result is the file.
    assert (tmp_path / "made.txt").read_text() == "a photo"
    (listed,) = lines(cli("assemblies", "list", "--json", **bearer))
    assert listed["template_id"] is None
    replayed = cli("assemblies", "replay", listed["id"], **bearer)
    assert replayed.returncode == 0, replayed.stderr


def lines(done: subprocess.CompletedProcess[str]) -> list[Any]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_templates_are_made_and_listed_with_the_secret(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "template.json").write_text(json.dumps(STEPS))
    (made,) = lines(cli("templates", "create", "--json", "thumbnails", "template.json", **secret_of(KEY)))
    listed = lines(cli("templates", "list", "--json", **secret_of(KEY)))
    assert made["id"] in json.dumps(listed)


def test_a_bill_is_shown_with_its_total(cli: Cli) -> None:
    for month in (["2026-11"], []):
        shown = cli("bills", "get", *month, **secret_of(KEY))
        assert (shown.returncode, shown.stdout.strip()) == (0, "$0"), shown.stderr


def test_assemblies_are_listed_from_a_day_as_its_own_example_has_it(cli: Cli, api2: Api2) -> None:
    made = api2.assembly()["assembly_id"]
    listed = lines(cli("assemblies", "list", "--json", "--after", "2024-01-01", **secret_of(KEY)))
    assert [each["id"] for each in listed] == [made]
    assert lines(cli("assemblies", "list", "--json", "--before", "2024-01-01", **secret_of(KEY))) == []


def test_a_video_is_given_to_its_builtin_template(cli: Cli, api2: Api2, tmp_path: Path) -> None:
    (tmp_path / "input.mp4").write_bytes(b"a video")
    encoded = cli("video", "encode-hls", "--input", "input.mp4", "--output", "hls/", **secret_of(KEY))
    assert encoded.returncode == 0, encoded.stderr
    (listed,) = api2.signed("GET", "/assemblies")[1]["items"]
    assert (listed["template_name"], listed["ok"]) == ("builtin/encode-hls-video", "ASSEMBLY_COMPLETED")
    results = [each for each in (tmp_path / "hls").rglob("*") if each.is_file()]
    assert {each.read_bytes() for each in results} == {b"a video"}


def test_builtin_templates_are_listed(cli: Cli) -> None:
    listed = lines(cli("templates", "list", "--json", "--include-builtin", "exclusively-latest", **secret_of(KEY)))
    assert "builtin/encode-hls-video@0.0.1" in json.dumps(listed)


def test_a_token_is_refused_in_api2_s_words(cli: Cli) -> None:
    refused = cli("auth", "token", "--scope", "billing:read", **secret_of(NARROW))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "TOKEN_INVALID_SCOPE: " in refused.stderr


@pytest.mark.parametrize("package", ["transloadit"], indirect=True)
def test_a_login_is_saved_used_and_revoked(cli: Cli, api2: Api2) -> None:
    given = "".join(f"{name}={value}\n" for name, value in secret_of(NARROW).items())
    saved = cli("auth", "login", "--stdin", "--endpoint", api2.origin, given=given)
    assert saved.returncode == 0, saved.stderr
    assert lines(cli("auth", "token"))[0]["scope"] == " ".join(NARROW.scopes)
    ended = cli("auth", "logout", "--revoke")
    assert ended.returncode == 0, ended.stderr
    assert "GET_ACCOUNT_UNKNOWN_AUTH_KEY: " in cli("auth", "token", **secret_of(NARROW)).stderr
