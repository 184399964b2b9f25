"""`TokenProvider`: the broker, the identity and the token put together."""

import traceback
from collections.abc import Callable
from typing import Any

import pytest
from token_broker_client import TokenError, TokenProvider, environment, github, sts

from tests.kit.clock import Clock
from tests.kit.token_server import TokenServer, make_jwt, token

JWT = make_jwt(sub="a")


def test_a_provider_is_called_for_a_token_and_asks_the_broker_once(broker: TokenServer) -> None:
    broker.then(token())
    provider = TokenProvider(broker.origin, lambda: JWT)
    assert provider() == provider() == "bearer-1"
    assert provider.headers() == {"Authorization": "Bearer bearer-1"}
    assert [call.fields for call in broker.calls] == [{"grant_type": "client_credentials", "aud": "api2"}]


def test_the_identity_is_asked_anew_at_each_exchange(broker: TokenServer, clock: Clock) -> None:
    asked: list[str] = []

    def identity() -> str:
        asked.append(make_jwt(n=len(asked)))
        return asked[-1]

    broker.then(token())
    provider = TokenProvider(broker.origin, identity, clock=clock)
    for _ in range(3):
        provider()
        clock.advance(20_000)
    assert [call.jwt for call in broker.calls] == asked
    assert len(set(asked)) == 3


def test_broker_and_identity_come_from_the_environment(broker: TokenServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSLOADIT_BROKER_URL", broker.origin)
    monkeypatch.setenv("TRANSLOADIT_IDENTITY_TOKEN", JWT)
    broker.then(token())
    assert TokenProvider()() == "bearer-1"
    assert broker.calls[0].jwt == JWT


def test_what_is_missing_is_told_before_anything_is_sent(broker: TokenServer) -> None:
    with pytest.raises(TokenError, match="set TRANSLOADIT_BROKER_URL"):
        TokenProvider()
    with pytest.raises(TokenError, match="set TRANSLOADIT_IDENTITY_TOKEN_FILE"):
        TokenProvider(broker.origin)
    with pytest.raises(TokenError, match="url must begin with https://"):
        TokenProvider("http://tokens.example.com", lambda: JWT)
    assert broker.calls == []


@pytest.mark.parametrize("make", [github, sts])
def test_an_audience_in_code_is_not_joined_with_a_broker_of_the_environment(
    make: Callable[[str], object], broker: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRANSLOADIT_BROKER_URL", broker.origin)
    with pytest.raises(TokenError, match="an audience in code needs the broker's `url` in code"):
        TokenProvider(identity=make("https://tokens.example.com"))  # type: ignore[arg-type]
    TokenProvider(broker.origin, make("https://tokens.example.com"))  # type: ignore[arg-type]


def test_an_error_of_one_s_own_identity_function_is_raised_as_it_is(broker: TokenServer) -> None:
    def identity() -> str:
        raise LookupError("no login")

    with pytest.raises(LookupError, match="no login"):
        TokenProvider(broker.origin, identity)()


@pytest.mark.parametrize("value", [None, b"a.b.c", 7])
def test_an_identity_function_that_gives_no_text_is_told_so(broker: TokenServer, value: Any) -> None:
    with pytest.raises(TokenError, match=f"the identity function gives {type(value).__name__}, and a JWT is a text"):
        TokenProvider(broker.origin, identity=lambda: value)()
    assert broker.calls == []


def test_a_broker_that_is_not_there_is_unreachable() -> None:
    with pytest.raises(TokenError, match="it takes no connection; check the URL") as raised:
        TokenProvider("http://127.0.0.1:9", lambda: JWT)()
    assert raised.value.code == "unreachable"
    assert raised.value.is_temporary


def test_a_name_that_nobody_has_is_unreachable() -> None:
    with pytest.raises(TokenError, match="its name is unknown"):
        TokenProvider("https://tokens.invalid", lambda: JWT)()


def test_neither_token_nor_jwt_is_in_what_a_program_logs(
    broker: TokenServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    monkeypatch.setenv("MY_JWT", JWT)
    broker.then(token()).then({"error": "access_denied", "error_description": JWT}, 403)
    provider = TokenProvider(broker.origin, environment("MY_JWT"))
    provider()
    other = TokenProvider(broker.origin, environment("MY_JWT"))
    with pytest.raises(TokenError) as raised:
        other()
    said = "".join(traceback.format_exception(raised.value)) + repr(vars(raised.value)) + caplog.text
    said += repr(provider) + repr(provider.auth) + repr(provider.auth.__dict__)
    assert JWT not in said
    assert "bearer-1" not in said
    assert broker.origin in repr(provider)
