"""Fixtures that the tests over sockets share."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from moto.server import ThreadedMotoServer

from tests.kit.servers import Loop, loop


@pytest.fixture(scope="session")
def running_loop() -> Iterator[Loop]:
    """An event loop in a thread, for all servers of a session."""
    with loop() as running:
        yield running


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """An authority that is trusted for the length of a test, and no other is."""
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return made


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    """A server's side of TLS 1.3, certified by that authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context
