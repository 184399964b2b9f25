"""What a start does before its imports."""

import gc
import ssl
from collections.abc import Iterator

import pytest
from broker.base.early import begin_start


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    yield
    gc.enable()


def test_a_start_turns_the_garbage_collector_off() -> None:
    begin_start()
    assert not gc.isenabled()


def test_the_tls_context_that_a_start_makes_verifies_certificates_and_names() -> None:
    make_context = begin_start()
    context = make_context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert make_context() is context


def test_a_context_that_cannot_be_made_fails_each_call_that_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> ssl.SSLContext:
        raise OSError("no key log file")

    monkeypatch.setattr("broker.base.early.make_default_context", fail)
    make_context = begin_start()
    for _ in range(2):
        with pytest.raises(OSError, match="key log"):
            make_context()
