"""Identities: where the JWT comes from, and what is never sent."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest
from token_broker_client import command, environment, file, github, identities
from token_broker_client.errors import TokenError
from token_broker_client.proof import Jwt, Request

from tests.kit.token_server import TokenServer, make_jwt

JWT = make_jwt(sub="a")
REQUEST = Request("https://tokens.example.com", {"grant_type": "client_credentials"})


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_file_is_read_anew_each_time_without_the_white_space_around(tmp_path: Path) -> None:
    path = tmp_path / "jwt"
    identity = file(path)
    for jwt in (JWT, make_jwt(sub="b")):
        path.write_text(f"{jwt}\n")
        assert identity() == jwt


def test_the_links_of_a_projected_volume_of_kubernetes_are_followed_when_it_changes(tmp_path: Path) -> None:
    for day, jwt in (("1", JWT), ("2", make_jwt(sub="b"))):
        (tmp_path / day).mkdir()
        (tmp_path / day / "token").write_text(jwt)
    (tmp_path / "..data").symlink_to("1")
    (tmp_path / "token").symlink_to("..data/token")
    identity = file(tmp_path / "token")
    assert identity() == JWT
    (tmp_path / "new").symlink_to("2")
    (tmp_path / "new").rename(tmp_path / "..data")
    assert identity() == make_jwt(sub="b")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "gives nothing"),
        ("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n", "has not the form of a JWT"),
        ("a.b", "has not the form of a JWT"),
        ("a.b.c.d.e", "has not the form of a JWT"),
        ("a.b.c\nX-Other: d", "has not the form of a JWT"),
        (f"a.{'b' * 8190}.c", "more than 8192 bytes"),
        (f"a.{'b' * 100_000}.c", "more than 8192 bytes"),
        ("ä.b.c", "has not the form of a JWT"),
    ],
)
def test_what_has_not_the_form_of_a_jwt_is_neither_sent_nor_shown(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "jwt"
    path.write_text(text)
    with pytest.raises(TokenError, match=message) as raised:
        file(path).prove(REQUEST)
    assert str(path) in str(raised.value)
    assert "c2VjcmV0" not in str(raised.value)


def test_a_jwt_of_8192_bytes_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "jwt"
    path.write_text(f"a.{'b' * 8188}.c\n")
    assert file(path).prove(REQUEST).headers == {"authorization": f"Bearer a.{'b' * 8188}.c"}


def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(TokenError, match=r"no regular file|Is a directory"):
            file(path)()


def test_a_folder_in_place_of_the_file_leaves_nothing_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(TokenError):
            file(tmp_path)()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TokenError, match="jwt cannot be read: No such file"):
        file(tmp_path / "jwt")()


def test_a_variable_is_read_at_each_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    identity = environment("MY_JWT")
    with pytest.raises(TokenError, match="the variable MY_JWT is not set"):
        identity()
    monkeypatch.setenv("MY_JWT", JWT)
    assert identity() == JWT


def test_a_command_is_run_anew_each_time(tmp_path: Path) -> None:
    counted = tmp_path / "count"
    code = f"open({str(counted)!r}, 'a').write('x'); print({JWT!r})"
    identity = command(python(code))
    assert [identity(), identity()] == [JWT, JWT]
    assert counted.read_text() == "xx"


def test_no_shell_reads_a_command(tmp_path: Path) -> None:
    identity = command([*python("import sys; print(sys.argv[1])"), f"$(touch {tmp_path}/made)"])
    with pytest.raises(TokenError, match="form of a JWT"):
        identity()
    assert not (tmp_path / "made").exists()
    with pytest.raises(TypeError, match="list of words"):
        command("echo a.b.c")


def test_a_command_gets_no_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identities, "COMMAND_SECONDS", 5)
    read, write = os.pipe()
    before = os.dup(0)
    os.dup2(read, 0)
    try:
        assert command(python(f"import sys; sys.stdin.read(); print({JWT!r})"))() == JWT
    finally:
        os.dup2(before, 0)
        for handle in (read, write, before):
            os.close(handle)


def test_a_command_that_fails_is_named_by_its_first_word_alone() -> None:
    with pytest.raises(TokenError, match="ended with status 3; run it by itself") as raised:
        command([*python("raise SystemExit(3)"), "--password=hunter2"])()
    assert "hunter2" not in str(raised.value)
    assert "hunter2" not in repr(command([*python(""), "--password=hunter2"]))
    with pytest.raises(TokenError, match="no-such-command cannot be run: No such file"):
        command(["no-such-command"])()


def test_a_command_that_prints_without_end_is_ended() -> None:
    with pytest.raises(TokenError, match="more than 8192 bytes"):
        command(python("while True: print('a' * 1000)"))()


def test_a_command_that_takes_too_long_is_ended_with_the_children_that_hold_its_output(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(identities, "COMMAND_SECONDS", 1)
    began = time.time()
    with pytest.raises(TokenError, match=r"was ended: it has 1 seconds"):
        command(["sh", "-c", "sleep 60 & sleep 60"])()
    assert time.time() - began < 40


def test_a_daemon_that_keeps_a_command_s_output_open_makes_nobody_wait_for_its_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(identities, "COMMAND_SECONDS", 4)
    daemon = (
        f"import os, time; os.setsid(); open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    )
    program = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {daemon!r}]); print({JWT!r})"
    began = time.time()
    try:
        assert command(python(program))() == JWT
        assert time.time() - began < 40
    finally:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


@pytest.fixture
def job(broker: TokenServer, monkeypatch: pytest.MonkeyPatch) -> TokenServer:
    """A GitHub Actions job whose token service is this server."""
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{broker.origin}/oidc?api-version=2.0")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runner-secret")
    return broker


def test_a_github_job_asks_for_the_broker_s_url_as_audience(job: TokenServer) -> None:
    job.then({"value": JWT})
    assert github().prove(REQUEST).jwt == JWT
    (call,) = job.calls
    assert call.path == "/oidc?api-version=2.0&audience=https%3A%2F%2Ftokens.example.com"
    assert call.headers["authorization"] == "bearer runner-secret"


def test_a_github_job_asks_for_the_audience_that_is_given(job: TokenServer) -> None:
    job.then({"value": JWT})
    github("mine").prove(REQUEST)
    assert job.calls[0].path.endswith("&audience=mine")


@pytest.mark.parametrize(("status", "code"), [(401, "bad_identity"), (429, "unreachable"), (500, "unreachable")])
def test_a_failure_of_github_is_told_without_its_words(job: TokenServer, status: int, code: str) -> None:
    job.then({"message": "runner-secret"}, status)
    with pytest.raises(TokenError, match=f"answered {status}") as raised:
        github().prove(REQUEST)
    assert raised.value.code == code
    assert "runner-secret" not in str(raised.value)


def test_a_job_without_the_permission_is_told_to_ask_for_it() -> None:
    with pytest.raises(TokenError, match="permissions: id-token: write"):
        github().prove(REQUEST)


@pytest.mark.parametrize("url", ["http://127.0.0.1.example.com/", "http://127.0.0.1:80@example.com/", "https://"])
def test_the_runner_s_secret_is_not_sent_in_the_clear(
    job: TokenServer, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", url)
    with pytest.raises(TokenError, match="must begin with https://"):
        github().prove(REQUEST)


def test_no_identity_shows_a_jwt_in_its_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_JWT", JWT)
    identity = environment("MY_JWT")
    assert JWT not in repr(identity) + repr(identity.prove(REQUEST))


def test_a_client_assertion_goes_into_the_form_and_not_into_the_header() -> None:
    proven = Jwt("the key", lambda _: JWT, is_assertion=True).prove(REQUEST)
    assert proven.headers == {}
    assert proven.fields["client_assertion"] == JWT
    assert proven.fields["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
