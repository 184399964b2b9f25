"""One exchange over a socket: what is sent, what is tried again, what is taken for a token."""

from collections.abc import Callable
from itertools import count

import pytest
from token_broker_client.errors import TokenError
from token_broker_client.exchange import Exchange
from token_broker_client.proof import Jwt

from tests.kit.clock import Clock
from tests.kit.token_server import TokenServer, make_jwt, token

BUSY = {"error": "temporarily_unavailable", "error_description": "Busy.", "request_id": "r1"}
Make = Callable[..., Exchange]


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def make(broker: TokenServer, clock: Clock, slept: list[float]) -> Make:
    """An exchange with that broker; each JWT of its identity is another."""
    numbers = count(1)

    def made(**fields: str) -> Exchange:
        identity = Jwt("the test", lambda _: make_jwt(jti=next(numbers)))
        return Exchange(broker.origin, identity, fields, clock, slept.append)

    return made


def test_the_request_is_a_form_with_the_jwt_in_its_header(broker: TokenServer, make: Make) -> None:
    broker.then(token())
    made = make(scope="assemblies:read assemblies:write", aud="mcp", credential="spare")()
    (call,) = broker.calls
    assert (call.method, call.path, call.jwt) == ("POST", "/token", make_jwt(jti=1))
    assert call.headers["content-type"] == "application/x-www-form-urlencoded"
    assert call.fields == {
        "grant_type": "client_credentials",
        "scope": "assemblies:read assemblies:write",
        "aud": "mcp",
        "credential": "spare",
    }
    assert (made.value, made.answer["scope"]) == ("bearer-1", "assemblies:read")


def test_the_life_of_a_token_is_counted_from_before_the_request(broker: TokenServer, make: Make, clock: Clock) -> None:
    exchange = make()
    sent = clock()

    class Slow(Clock):
        """Each look at this clock is ten seconds later."""

        def __call__(self) -> float:
            clock.advance(10)
            return clock.now - 10

    broker.then(token(seconds=600))
    made = Exchange(exchange.origin, exchange.identity, {}, Slow(), exchange.sleep)()
    assert (made.asked_at, made.expires_at) == (sent, sent + 600)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_broker_is_asked_three_times_more_after_what_it_says_each_time_with_a_new_jwt(
    broker: TokenServer, make: Make, slept: list[float], status: int
) -> None:
    broker.then({**BUSY, "retry_after": 8}, status)
    with pytest.raises(TokenError) as raised:
        make()()
    assert (raised.value.status, raised.value.retry_after, raised.value.request_id) == (status, 8, "r1")
    assert len({call.jwt for call in broker.calls}) == len(broker.calls) == 4
    assert all(8 <= seconds <= 10 for seconds in slept)
    assert len(set(slept)) == 3  # jitter


def test_an_exchange_succeeds_once_the_broker_is_no_longer_busy(
    broker: TokenServer, make: Make, slept: list[float]
) -> None:
    broker.then({"message": "Too Many Requests"}, 429, retry_after="2").then(BUSY, 503).then(token())
    assert make()().value == "bearer-1"
    assert 2 <= slept[0] <= 2.5
    assert 1 <= slept[1] <= 1.25


def test_a_broker_that_asks_for_more_than_a_minute_is_not_waited_for(
    broker: TokenServer, make: Make, slept: list[float]
) -> None:
    broker.then({**BUSY, "retry_after": 61}, 429)
    with pytest.raises(TokenError, match="try again in 61 seconds"):
        make()()
    assert (len(broker.calls), slept) == (1, [])


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 500, 502])
def test_nothing_else_is_tried_again_and_no_redirect_is_followed(
    broker: TokenServer, make: Make, slept: list[float], status: int
) -> None:
    broker.then({"error": "access_denied"}, status, location="/elsewhere")
    with pytest.raises(TokenError):
        make()()
    assert ([call.path for call in broker.calls], slept) == (["/token"], [])


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>log in</html>",
        b"[" * 10_000,
        [],
        {},
        {**token(), "access_token": ""},
        {**token(), "access_token": "a b"},
        {**token(), "access_token": "a\nX-Other: b"},
        {**token(), "access_token": "ü"},
        {**token(), "access_token": 5},
        {**token(), "token_type": "mac"},
        {**token(), "expires_in": 0},
        {**token(), "expires_in": "soon"},
        {**token(), "expires_in": 10**9},
        {**token(), "expires_in": float("inf")},
    ],
)
def test_an_answer_that_is_no_token_is_an_error(broker: TokenServer, make: Make, answer: object) -> None:
    broker.then(answer)
    with pytest.raises(TokenError) as raised:
        make()()
    assert raised.value.code == "bad_answer"


def test_no_more_than_64_kib_of_an_answer_are_read(broker: TokenServer, make: Make) -> None:
    broker.then(b" " * 70_000)
    with pytest.raises(TokenError, match="sent more than 65536 bytes"):
        make()()


def test_a_token_is_not_in_its_repr(broker: TokenServer, make: Make) -> None:
    broker.then(token())
    assert "bearer-1" not in repr(make()())
