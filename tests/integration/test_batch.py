"""examples/batch: nine hours of uploads by a virtual clock, each with a token that lives."""

import importlib.util
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import urllib3
from token_broker_client import TokenProvider, sts

from infra.sam import ROOT
from local.sandbox.app import create_app
from local.sandbox.clock import Clock as SandboxClock
from tests.kit.api2 import KEY, Api2
from tests.kit.clock import Clock
from tests.kit.peers import OK, by_tls, peer
from tests.kit.python_environments import python_for
from tests.kit.servers import Loop, serving
from tests.kit.token_server import Answer, Call, TokenServer, make_jwt, token_server

EXAMPLE = ROOT / "examples/batch"
DOCKERFILE = (EXAMPLE / "Dockerfile").read_text()
TEMPLATE = "builtin/encode-hls-video@0.0.1"
HOURS, PER_HOUR = 9, 12
FOUND = """\
<GetWebIdentityTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetWebIdentityTokenResult>
<WebIdentityToken>{jwt}</WebIdentityToken><Expiration>2027-01-15T08:05:00Z</Expiration>
</GetWebIdentityTokenResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetWebIdentityTokenResponse>
"""


@pytest.fixture(scope="module")
def batch() -> ModuleType:
    spec = importlib.util.spec_from_file_location("batch", EXAMPLE / "batch.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api2(running_loop: Loop, clock: Clock) -> Iterator[Api2]:
    with serving(lambda: create_app([KEY], SandboxClock(clock)), on=running_loop) as origin:
        yield Api2(origin)


@pytest.fixture
def aws() -> Iterator[TokenServer]:
    """STS, with another JWT at each call."""
    with token_server() as serving:
        serving.answer = lambda _: (200, {}, FOUND.format(jwt=make_jwt(n=len(serving.calls))).encode())
        yield serving


@pytest.fixture
def broker(api2: Api2) -> Iterator[TokenServer]:
    """It mints at the sandbox for whoever asks."""

    def mint(_: Call) -> Answer:
        return 200, {}, json.dumps(api2.token(scope="assemblies:write")[1]).encode()

    with token_server() as serving:
        serving.answer = mint
        yield serving


@dataclass
class Slow:
    """A web on which each upload takes five minutes. `sent`: the bearer tokens, and the statuses of the answers."""

    clock: Clock
    sent: list[tuple[str, int]] = field(default_factory=list)
    before: dict[int, Callable[[], None]] = field(default_factory=dict)  # done before the request of this number
    web: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, timeout=60))

    def request(self, method: str, url: str, **options: Any) -> urllib3.BaseHTTPResponse:
        self.before.get(len(self.sent) + 1, lambda: None)()
        answer = self.web.request(method, url, **options)
        self.sent.append((options["headers"]["Authorization"], answer.status))
        self.clock.advance(3600 / PER_HOUR)
        return answer


def fill(folder: Path, count: int) -> None:
    for number in range(count):
        (folder / f"{number:03}.mov").write_bytes(b"a film")


@pytest.fixture
def role(aws: TokenServer) -> dict[str, str]:
    """The variables by which a container finds its role, and STS."""
    keys = {"AWS_ACCESS_KEY_ID": "role", "AWS_SECRET_ACCESS_KEY": "role", "AWS_REGION": "eu-west-1"}
    return {**keys, "AWS_ENDPOINT_URL_STS": aws.origin}


def test_nine_hours_of_uploads_take_two_exchanges_and_no_token_that_has_expired(
    batch: ModuleType,
    broker: TokenServer,
    api2: Api2,
    aws: TokenServer,
    role: dict[str, str],
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in role.items():
        monkeypatch.setenv(name, value)
    fill(tmp_path, HOURS * PER_HOUR)
    provider, web = TokenProvider(broker.origin, sts(), "assemblies:write", clock=clock), Slow(clock)
    batch.upload_folder(tmp_path, f"{api2.origin}/assemblies", TEMPLATE, provider, web)
    assert clock() - Clock()() == HOURS * 3600
    assert [status for _, status in web.sent] == [200] * HOURS * PER_HOUR
    assert len({token for token, _ in web.sent}) == len(broker.calls) == len(aws.calls) == 2
    assert len({call.jwt for call in broker.calls}) == 2  # the identity was asked anew
    assert len(list((tmp_path / "done").iterdir())) == HOURS * PER_HOUR


def test_a_file_that_is_refused_ends_the_program_and_the_next_one_goes_on_with_it(
    batch: ModuleType, broker: TokenServer, api2: Api2, clock: Clock, tmp_path: Path
) -> None:
    fill(tmp_path, 3)
    provider, web = TokenProvider(broker.origin, lambda: make_jwt(), clock=clock), Slow(clock)
    arguments = tmp_path, f"{api2.origin}/assemblies", TEMPLATE, provider, web
    web.before = {2: lambda: api2.fault("/assemblies", error="ASSEMBLY_COULD_NOT_BE_CREATED", times=1)}
    with pytest.raises(batch.UploadFailed, match=r"001\.mov: ASSEMBLY_COULD_NOT_BE_CREATED"):
        batch.upload_folder(*arguments)
    assert [path.name for path in (tmp_path / "done").iterdir()] == ["000.mov"]
    batch.upload_folder(*arguments)
    assert len(list((tmp_path / "done").iterdir())) == 3


@pytest.mark.parametrize(("status", "sent"), [(413, 2), (429, 2), (500, 1), (503, 1)])
def test_an_upload_is_sent_again_where_it_was_throttled_and_not_where_it_may_be_an_assembly(
    batch: ModuleType,
    broker: TokenServer,
    role: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    sent: int,
) -> None:
    fill(tmp_path, 1)
    failed = status, {"Retry-After": "0"}, b'{"error": "FAILED"}'
    with token_server() as busy:
        busy.answer = lambda _: failed if len(busy.calls) == 1 else (200, {}, b'{"ok": "ASSEMBLY_EXECUTING"}')
        places = {"TRANSLOADIT_BROKER_URL": broker.origin, "TRANSLOADIT_ENDPOINT": busy.origin, "TEMPLATE_ID": TEMPLATE}
        for name, value in (role | places).items():
            monkeypatch.setenv(name, value)
        with nullcontext() if sent == 2 else pytest.raises(batch.UploadFailed):
            batch.main(str(tmp_path))
        assert len(busy.calls) == sent


def test_an_upload_whose_answer_cannot_be_decrypted_is_not_sent_again(
    batch: ModuleType,
    broker: TokenServer,
    role: dict[str, str],
    tls: ssl.SSLContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(tmp_path, 1)
    uploads: list[bytes] = []

    def garble_first(connection: socket.socket) -> None:
        body = b""
        while not body.endswith(b"--\r\n") and (piece := connection.recv(65536)):
            body += piece
        uploads.append(body)
        if len(uploads) > 1:
            connection.sendall(OK + b"content-length: 2\r\n\r\n{}")
            return
        with socket.socket(fileno=os.dup(connection.fileno())) as bare:
            bare.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))  # a record of TLS that nobody encrypted

    with peer(garble_first, accepted=lambda each: tls.wrap_socket(each, server_side=True)) as origin:
        places = {"TRANSLOADIT_BROKER_URL": broker.origin, "TRANSLOADIT_ENDPOINT": by_tls(origin)}
        for name, value in (role | places | {"TEMPLATE_ID": TEMPLATE}).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(urllib3.exceptions.MaxRetryError):
            batch.main(str(tmp_path))
    assert len(uploads) == 1


def test_the_program_runs_with_what_its_dockerfile_installs(
    broker: TokenServer, api2: Api2, role: dict[str, str], tmp_path: Path
) -> None:
    # There is no Docker here. The packages are those of its lock and the client; the words are those of ENTRYPOINT.
    python, uv = python_for(EXAMPLE / "requirements.txt", "batch"), Path(sys.executable).with_name("uv")
    wheels, files = tmp_path / "wheels", tmp_path / "files"
    build: list[str | Path] = [
        uv,
        "build",
        "--quiet",
        "--wheel",
        "--no-build-isolation",
        "--out-dir",
        wheels,
        ROOT / "clients/python",
    ]
    subprocess.run(build, check=True)
    install: list[str | Path] = [uv, "pip", "install", "--quiet", "--no-deps", "--target", tmp_path / "client"]
    subprocess.run([*install, *wheels.glob("*.whl")], check=True)
    files.mkdir()
    fill(files, 2)
    places = {"TRANSLOADIT_BROKER_URL": broker.origin, "TRANSLOADIT_ENDPOINT": api2.origin, "TEMPLATE_ID": TEMPLATE}
    (entry,) = re.findall(r"^ENTRYPOINT (.+)$", DOCKERFILE, re.MULTILINE)
    _, *words = json.loads(entry)
    environment = {**os.environ, **role, **places, "PYTHONPATH": str(tmp_path / "client")}
    api2.fault("/assemblies", error="RATE_LIMIT_REACHED", times=1)
    command: list[str | Path] = [python, *words, files]
    done = subprocess.run(command, cwd=EXAMPLE, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("uploaded")) == (0, 2), done.stderr
    assert "bearer" not in done.stderr.lower()


def test_what_the_dockerfile_copies_is_in_the_checkout_and_nothing_runs_as_root() -> None:
    sources = re.findall(r"^COPY (\S+) ", DOCKERFILE, re.MULTILINE)
    assert len(sources) == 3
    assert all((ROOT / source).exists() for source in sources)
    assert re.search(r"^USER [1-9]\d+$", DOCKERFILE, re.MULTILINE)


def test_the_lock_of_the_image_has_all_that_the_client_needs() -> None:
    with (ROOT / "clients/python/pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    needed = {re.split(r"[<>=]", each)[0] for each in project["dependencies"] + project["optional-dependencies"]["aws"]}
    locked = re.findall(r"^([\w-]+)==", (EXAMPLE / "requirements.txt").read_text(), re.MULTILINE)
    assert needed <= {*locked}
