"""A credential that api2 refused in one environment: no environment hands out its tokens any more."""

from typing import Any

import pytest
from broker.base.net import OutOfReach
from broker.token.shared import REFUSAL_SECONDS
from broker.token.transloadit import MAX_LIFETIME

from tests.kit.brokers import SECRETS_URL, TOKEN_URL, minted, secret
from tests.kit.sharing import LAST_RENEWAL, REFUSED, pair, token


def test_tokens_of_a_refused_version_are_not_handed_out_by_the_environment_that_saw_the_refusal() -> None:
    one, two, _ = pair(share="caller")
    token(one)
    one.web[TOKEN_URL] = REFUSED
    assert two.post(two.jwt(sub="bob")).outcome == (502, "server_error")
    two.clock.advance(REFUSAL_SECONDS)
    assert two.post().outcome == (502, "server_error")


def test_tokens_of_a_refused_version_are_not_handed_out_by_an_environment_that_starts_later() -> None:
    one, two, _ = pair(share="caller")
    token(one)
    one.web[TOKEN_URL] = REFUSED
    two.post(two.jwt(sub="bob"))
    assert one.beside().post().outcome == (502, "server_error")


def test_tokens_of_a_refused_version_are_handed_out_for_a_minute_at_most_by_a_running_environment() -> None:
    one, two, _ = pair(share="caller")
    three = one.beside()
    for name in ("alice", "carol", "dave"):
        token(one, jwt=one.jwt(sub=name))
    assert token(three) == ("bearer-1", "shared")
    one.web[TOKEN_URL] = REFUSED
    two.post(two.jwt(sub="bob"))
    three.clock.advance(REFUSAL_SECONDS)
    assert three.post(three.jwt(sub="carol")).outcome == (502, "server_error")


def test_tokens_of_a_refused_version_are_not_handed_out_even_if_the_refusal_could_not_be_written() -> None:
    one, two, rows = pair(share="caller")
    token(one)

    def refused() -> Any:
        rows.fault = OutOfReach("timeout")
        return REFUSED

    one.web[TOKEN_URL] = refused
    two.post(two.jwt(sub="bob"))
    rows.fault = None
    assert rows.of("refused") == []
    two.clock.advance(60)
    one.web[TOKEN_URL] = minted("bearer-9")
    assert token(two) == ("bearer-9", "miss")


def test_a_refusal_is_remembered_as_long_as_any_token_lives() -> None:
    one, _, rows = pair()
    one.web[TOKEN_URL] = REFUSED
    one.post()
    (mark,) = rows.of("refused")
    assert int(mark["expires"]["N"]) - one.clock() == MAX_LIFETIME


def test_a_refusal_dated_tomorrow_does_not_refuse_a_token_that_is_minted_today() -> None:
    one, two, rows = pair(share="caller")
    one.web.then(TOKEN_URL, REFUSED)
    one.post()
    one.clock.advance(60)
    token(one)
    rows.of("refused")[0]["at"] = {"N": "99999999999"}
    assert token(two)[1] == "miss"
    one.clock.advance(10)
    token(one, jwt=one.jwt(sub="bob"))
    assert token(two, jwt=two.jwt(sub="bob"))[1] == "shared"


def test_a_token_that_is_minted_after_the_refusal_is_shared_again() -> None:
    one, two, _ = pair()
    one.web.then(TOKEN_URL, REFUSED)
    assert one.post().status == 502
    one.clock.advance(60)
    assert token(one)[1] == "miss"
    assert token(two) == token(one.beside())
    assert two.record.cache == "shared"


@pytest.mark.parametrize("at", [{"N": "99999999999"}, {"S": "x"}, None], ids=str)
def test_a_refusal_that_somebody_else_wrote_costs_mints_and_no_more(at: Any) -> None:
    one, two, rows = pair()
    one.web.then(TOKEN_URL, REFUSED)
    one.post()
    one.clock.advance(60)
    token(one)
    (mark,) = rows.of("refused")
    mark |= {"at": at}
    assert two.post().status == 200
    one.clock.advance(LAST_RENEWAL)
    assert token(two)[1] == "renewed"


def test_a_version_refused_for_one_token_still_gets_the_new_version_s() -> None:
    one, two, _ = pair()
    one.web.then(SECRETS_URL, secret("v1"))
    one.web[SECRETS_URL] = secret("v2")
    one.web.then(TOKEN_URL, REFUSED)
    assert token(one)[1] == "miss"
    assert token(two)[1] == "miss"  # a token of another version than the request's was not left
    assert token(one.beside())[1] == "shared"
