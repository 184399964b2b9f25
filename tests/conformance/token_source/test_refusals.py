"""What a refusal tells, what is tried again, and what is asked of the identity meanwhile."""

from typing import Any

import pytest

from tests.kit.recorded import Site
from tests.kit.tabs import Tab, Thrown

TOKEN = "return source.getToken()"
BUSY = {"error": "temporarily_unavailable", "message": "Wait.", "request_id": "r-1"}
REFUSED = {"error": "invalid_token", "message": "The caller JWT was not accepted.", "request_id": "r-1"}


def refusal(tab: Tab, script: str = TOKEN) -> Thrown:
    with pytest.raises(Thrown) as caught:
        tab.run(script)
    return caught.value


def test_a_refusal_tells_code_status_request_and_the_heading_of_its_page(tab: Tab, broker: Site) -> None:
    denied = {"error": "access_denied", "error_description": "No.", "message": "No rule matches.", "request_id": "r-1"}
    broker.then(403, denied)
    told = refusal(tab)
    assert (told.name, told.code, told.status, told.request_id) == ("TokenSourceError", "access_denied", 403, "r-1")
    assert told.message == "No rule matches. (docs/frontends.md#access_denied)"
    assert len(broker.asked) == 1


def test_a_refusal_is_an_error_of_the_class_that_the_module_exports(tab: Tab, broker: Site) -> None:
    broker.then(403, {"error": "access_denied"})
    assert tab.run("return source.getToken().catch((error) => error instanceof TokenSourceError)")


ANSWERS: dict[str, tuple[int, Any, str]] = {
    "API Gateway's own 404": (404, {"message": "Not Found"}, "unexpected_answer"),
    "API Gateway's own 500": (500, {"message": "Internal Server Error"}, "unexpected_answer"),
    "a page of a firewall": (403, b"<h1>Forbidden</h1>", "unexpected_answer"),
    "a page of a hotel": (200, b"<h1>Log in</h1>", "unexpected_answer"),
    "an answer without a token": (200, {"token_type": "Bearer"}, "unexpected_answer"),
    "null in place of a token": (200, {"access_token": None, "expires_in": 21600}, "unexpected_answer"),
    "an object in place of a token": (200, {"access_token": {}, "expires_in": 21600}, "unexpected_answer"),
    "a bare null": (502, b"null", "unexpected_answer"),
    "a bare number": (400, b"7", "unexpected_answer"),
    "a failure of the broker": (500, {"error": "server_error", "message": "The broker failed."}, "server_error"),
    "a scope too many": (400, {"error": "invalid_scope", "message": "Not every scope."}, "invalid_scope"),
}


@pytest.mark.parametrize(("status", "body", "code"), ANSWERS.values(), ids=ANSWERS.keys())
def test_each_other_answer_is_told_once_and_not_tried_again(
    tab: Tab, broker: Site, status: int, body: Any, code: str
) -> None:
    broker.then(status, body)
    told = refusal(tab)
    assert (told.code, told.status) == (code, status)
    assert told.message.endswith(f"(docs/frontends.md#{code})")
    assert len(broker.asked) == 1


def test_a_refusal_is_not_remembered(tab: Tab, broker: Site) -> None:
    broker.then(403, {"error": "access_denied"})
    refusal(tab)
    assert tab.run(TOKEN) == "token-2"


def test_a_broker_that_is_down_is_a_network_error(tab: Tab, broker: Site) -> None:
    tab.run("begin(given)", url="http://127.0.0.1:9")
    told = refusal(tab)
    assert (told.code, told.status) == ("network_error", 0)
    assert told.message == "The broker is out of reach. (docs/frontends.md#network_error)"


def test_a_broker_that_says_nothing_for_half_a_minute_is_a_network_error(tab: Tab) -> None:
    script = """let milliseconds
                AbortSignal.timeout = (given) => { milliseconds = given; return AbortSignal.abort() }
                const code = await source.getToken().catch(({ code }) => code)
                return [code, milliseconds]"""
    assert tab.run(script) == ["network_error", 30_000]


def test_a_redirect_of_the_broker_is_not_followed(tab: Tab, broker: Site, api2: Site) -> None:
    broker.then(307, location=f"{api2.origin}/token")
    assert refusal(tab).code == "network_error"
    assert api2.asked == []


def test_nobody_signed_in_is_a_refusal_without_a_request(tab: Tab, broker: Site) -> None:
    told = refusal(tab, "person = null; return source.getToken()")
    assert (told.code, told.status) == ("signed_out", 401)
    assert broker.asked == []


def test_an_error_of_the_identity_is_passed_on_as_it_is(tab: Tab, broker: Site) -> None:
    told = refusal(tab, "held = Promise.reject(new RangeError('of the login')); return source.getToken()")
    assert (told.name, told.message) == ("RangeError", "of the login")
    assert broker.asked == []


def test_an_identity_that_is_refused_is_asked_once_for_a_new_one(tab: Tab, broker: Site) -> None:
    broker.then(401, REFUSED)
    assert tab.run(TOKEN) == "token-2"
    assert tab.run("return asked") == [False, True]
    assert [asked.bearer for asked in broker.asked] == ["alice-1", "alice-2"]


def test_an_identity_that_is_refused_twice_is_the_broker_s_refusal(tab: Tab, broker: Site) -> None:
    broker.then(401, REFUSED, times=2)
    told = refusal(tab)
    assert (told.code, told.status, told.request_id) == ("invalid_token", 401, "r-1")
    assert tab.run("return asked") == [False, True]


def test_an_identity_that_has_nobody_when_it_is_asked_again_is_signed_out(tab: Tab, broker: Site) -> None:
    broker.then(401, REFUSED)
    script = """const identity = ({ force }) => (force ? null : 'jwt')
                return createTokenSource({ ...given, identity }).getToken()"""
    with pytest.raises(Thrown) as caught:
        tab.run(script, url=broker.origin)
    assert caught.value.code == "signed_out"


def test_a_text_as_identity_is_sent_as_it_is(tab: Tab, broker: Site) -> None:
    tab.run("return createTokenSource(given).getToken()", url=broker.origin, identity="a.b.c")
    assert broker.asked[0].bearer == "a.b.c"


def test_a_text_as_identity_that_is_refused_tells_to_give_a_function(tab: Tab, broker: Site) -> None:
    broker.then(401, REFUSED)
    with pytest.raises(Thrown, match="give a function") as caught:
        tab.run("return createTokenSource(given).getToken()", url=broker.origin, identity="a.b.c")
    assert (caught.value.code, caught.value.request_id) == ("invalid_token", "r-1")
    assert len(broker.asked) == 1


def waits(tab: Tab) -> list[float]:
    return list(tab.run("return waits"))


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_broker_is_asked_again_after_the_time_that_it_said_and_a_little_more(
    tab: Tab, broker: Site, status: int
) -> None:
    tab.run("hurry()")
    broker.then(status, BUSY | {"retry_after": 40})
    assert tab.run(TOKEN) == "token-2"
    (wait,) = waits(tab)
    assert 40 < wait <= 50
    assert tab.run("return asked") == [False, False]


def test_pages_that_were_refused_together_do_not_come_back_together(tab: Tab, broker: Site) -> None:
    tab.run("hurry()")
    for _ in range(5):
        broker.then(429, BUSY | {"retry_after": 40})
        tab.run("return source.getToken({ force: true })")
    assert len(set(waits(tab))) == 5


def test_a_broker_that_stays_busy_is_asked_four_times_in_all(tab: Tab, broker: Site) -> None:
    tab.run("hurry()")
    broker.then(429, BUSY | {"retry_after": 2}, times=4)
    told = refusal(tab)
    assert (told.code, told.status, told.request_id, told.retry_after) == ("temporarily_unavailable", 429, "r-1", 2)
    assert len(broker.asked) == 4


def test_a_gateway_that_throttles_without_a_time_is_asked_again_later_and_later(tab: Tab, broker: Site) -> None:
    tab.run("hurry()")
    broker.then(429, {"message": "Too Many Requests"}, times=4)
    told = refusal(tab)
    assert (told.code, told.retry_after) == ("temporarily_unavailable", None)
    first, second, third = waits(tab)
    assert 1 <= first <= 1.25 < 2 <= second <= 2.5 < 4 <= third <= 5


def test_the_header_retry_after_counts_where_the_body_says_nothing(tab: Tab, broker: Site) -> None:
    tab.run("hurry()")
    broker.then(503, b"<h1>Service Unavailable</h1>", retry_after="7")
    assert tab.run(TOKEN) == "token-2"
    assert 7 <= waits(tab)[0] <= 8.75


@pytest.mark.parametrize("header", ["Wed, 25 Nov 2026 22:00:00 GMT", "soon", "0"])
def test_a_time_that_is_no_number_of_seconds_counts_as_none(tab: Tab, broker: Site, header: str) -> None:
    tab.run("hurry()")
    broker.then(503, b"", retry_after=header)
    assert tab.run(TOKEN) == "token-2"
    assert 1 <= waits(tab)[0] <= 1.25


def test_a_broker_that_is_busy_for_longer_than_a_minute_is_told_at_once(tab: Tab, broker: Site) -> None:
    tab.run("hurry()")
    broker.then(429, BUSY | {"retry_after": 61})
    assert refusal(tab).retry_after == 61
    assert (waits(tab), len(broker.asked)) == ([], 1)


def test_a_renewal_that_fails_is_not_tried_again_while_the_old_token_lives(tab: Tab, broker: Site) -> None:
    tab.run(TOKEN)
    tab.run("later(5 * 3600)")
    broker.then(503, BUSY | {"retry_after": 40})
    assert tab.run(TOKEN) == "token-1"
    assert len(broker.asked) == 2


def test_an_identity_that_expires_while_the_broker_is_busy_is_asked_for_a_new_one(tab: Tab, broker: Site) -> None:
    tab.run("hurry()")
    broker.then(503, BUSY | {"retry_after": 40})
    broker.then(401, REFUSED)
    broker.then(503, BUSY | {"retry_after": 40})
    assert tab.run(TOKEN) == "token-4"
    assert tab.run("return asked") == [False, False, True, False]


@pytest.mark.parametrize("url", ["tokens.example.com", "", "/token"])
def test_a_url_that_is_none_is_refused_when_the_source_is_made(tab: Tab, url: str) -> None:
    with pytest.raises(Thrown) as caught:
        tab.run("createTokenSource({ url: given.url, identity: 'a.b.c' })", url=url)
    assert caught.value.name == "TypeError"
