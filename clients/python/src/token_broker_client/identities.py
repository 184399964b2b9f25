"""Where the caller's JWT comes from: a file, a command, a variable, a GitHub Actions job."""

import json
import os
import select
import signal
import stat
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from token_broker_client.errors import TokenError
from token_broker_client.origins import check_url
from token_broker_client.proof import LIMIT, Jwt
from token_broker_client.wire import send

_READ = LIMIT + 64  # room for white space around the JWT; more bytes than that are refused unread
COMMAND_SECONDS = 30
GITHUB_URL, GITHUB_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"


def file(path: str | os.PathLike[str]) -> Jwt:
    """The JWT in a file, which is read again for each exchange: somebody else renews it, such as Kubernetes.

    Symbolic links are followed, because a projected volume of Kubernetes consists of them.
    """
    return Jwt(f"the file {os.fspath(path)}", lambda _: _read_file(Path(path)))


def _read_file(path: Path) -> str:
    try:
        # Not os.open alone: its handle would be left open where the path is a folder's.
        with open(path, "rb", opener=_open) as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                raise TokenError("bad_identity", f"{path} is no regular file; nothing was read")
            data = opened.read(_READ + 1)
    except OSError as error:
        raise TokenError("bad_identity", f"{path} cannot be read: {error.strerror}") from None
    return _decode(data, f"the file {path}")


def _open(path: str, flags: int) -> int:
    # Without O_NONBLOCK the opening of a named pipe waits for a writer, perhaps for ever.
    return os.open(path, flags | os.O_NONBLOCK)


def _decode(data: bytes, source: str) -> str:
    if len(data) > _READ:
        raise TokenError("bad_identity", f"{source} gives more than {LIMIT} bytes, which no JWT has; nothing was sent")
    return data.decode("ascii", "replace")


def environment(name: str) -> Jwt:
    """The JWT in a variable of the environment, such as the one of GitLab's `id_tokens`.

    A variable is not renewed: a program that outlives the JWT in it needs another identity.
    """

    def ask(_: str) -> str:
        if not os.environ.get(name):
            raise TokenError("bad_identity", f"the variable {name} is not set")
        return os.environ[name]

    return Jwt(f"the variable {name}", ask)


def command(words: Sequence[str]) -> Jwt:
    """The JWT that a command prints, such as `["gcloud", "auth", "print-identity-token"]`; run for each exchange.

    It gets no shell and no input, 30 seconds, and its errors go where those of this program go.
    """
    if isinstance(words, str) or not words:
        raise TypeError('a command is a list of words, such as ["get-token", "--audience", "x"]; no shell reads it')
    given = list(words)
    # Its other words may be secrets, so that messages name its first one alone.
    source = f"the command {given[0]}"
    return Jwt(source, lambda _: _run(given, source))


def _run(words: list[str], source: str) -> str:
    try:
        process = subprocess.Popen(  # noqa: S603 - a list from code, without a shell
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
        )
    except OSError as error:
        raise TokenError("bad_identity", f"{source} cannot be run: {error.strerror}") from None
    ends_at = time.monotonic() + COMMAND_SECONDS
    assert process.stdout is not None
    try:
        with process.stdout:
            data = _read_until(ends_at, process.stdout.fileno())
        text = _decode(data, source)
        status = process.wait(max(0, ends_at - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise TokenError("bad_identity", f"{source} was ended: it has {COMMAND_SECONDS} seconds") from None
    finally:
        if process.returncode is None:
            # The whole group: a command may be a script, which has children. A command of another user stays.
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if status != 0:
        raise TokenError("bad_identity", f"{source} ended with status {status}; run it by itself to see why")
    return text


def _read_until(ends_at: float, pipe: int) -> bytes:
    """What comes until the end of the pipe, and no more than is taken. `ends_at` is by the monotonic clock.

    The end of the command is not waited for alone: a daemon that it started may keep the pipe open for ever.
    """
    data = b""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while len(data) <= _READ and poll.poll(max(0, ends_at - time.monotonic()) * 1000):
        part = os.read(pipe, _READ + 1 - len(data))
        if not part:
            break
        data += part
    return data


def github(audience: str | None = None) -> Jwt:
    """The JWT of this GitHub Actions job, which needs `permissions: id-token: write`.

    `audience` is the broker's URL if left out. https://docs.github.com/en/actions/reference/security/oidc
    """
    return Jwt("the GitHub Actions job", _ask_github, audience)


def _ask_github(audience: str) -> str:
    url, token = os.environ.get(GITHUB_URL, ""), os.environ.get(GITHUB_TOKEN, "")
    if not (url and token):
        raise TokenError(
            "bad_identity", "this is no GitHub Actions job with `permissions: id-token: write`; add that to the job"
        )
    check_url(url, GITHUB_URL)
    headers = {"authorization": f"bearer {token}", "accept": "application/json"}
    reply = send("GET", f"{url}&audience={quote(audience, safe='')}", headers, None, "GitHub's token service")
    if reply.status != 200:
        code = "unreachable" if reply.status == 429 or reply.status >= 500 else "bad_identity"
        raise TokenError(code, f"GitHub's token service answered {reply.status}; look at the job's permissions")
    try:
        return str(json.loads(reply.body)["value"])
    except (ValueError, KeyError, TypeError):
        raise TokenError("bad_answer", "GitHub's token service gave no JWT") from None
