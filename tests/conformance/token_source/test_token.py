"""`getToken`: how long a token is kept, who waits for a new one, and what is asked of the identity and the broker."""

import pytest

from tests.kit.recorded import Site
from tests.kit.tabs import Tab, Thrown

TOKEN = "return source.getToken()"
# Ends the waiting in the page for a while: nothing that depends on the identity goes on before `release()`.
HOLD = "held = new Promise((resolve) => { window.release = resolve })"


def test_a_token_is_asked_for_with_the_jwt_as_bearer_in_a_form(tab: Tab, broker: Site) -> None:
    assert tab.run(TOKEN) == "token-1"
    (asked,) = broker.asked
    assert (asked.method, asked.path, asked.bearer) == ("POST", "/token", "alice-1")
    assert asked.body == {"grant_type": "client_credentials"}
    assert "cookie" not in asked.headers


def test_scope_aud_and_credential_are_asked_for_where_they_are_given(tab: Tab, broker: Site) -> None:
    tab.run("begin(given)", url=f"{broker.origin}/", scope="templates:read", aud="mcp", credential="uploads")
    tab.run(TOKEN)
    wanted = {"scope": "templates:read", "aud": "mcp", "credential": "uploads"}
    assert broker.asked[0].body == {"grant_type": "client_credentials", **wanted}


def test_a_token_is_kept_until_a_fifth_of_its_life_is_left(tab: Tab) -> None:
    tokens = [tab.run(TOKEN)]
    for minutes in (4 * 60 + 47, 2):
        tab.run("later(given.seconds)", seconds=minutes * 60)
        tokens.append(tab.run(TOKEN))
    assert tokens == ["token-1", "token-1", "token-2"]
    assert tab.run("return asked") == [False, False]


def test_a_token_of_a_short_life_is_kept_until_five_minutes_are_left(tab: Tab, broker: Site) -> None:
    broker.then(200, {"access_token": "short", "expires_in": 600})
    tokens = [tab.run(TOKEN)]
    for seconds in (295, 10):
        tab.run("later(given.seconds)", seconds=seconds)
        tokens.append(tab.run(TOKEN))
    assert tokens == ["short", "short", "token-2"]


def test_the_life_of_a_token_is_counted_from_before_the_request(tab: Tab, broker: Site) -> None:
    broker.then(200, {"access_token": "slow", "expires_in": 600})
    tab.run(f"{HOLD}; window.first = source.getToken()")
    tab.run("later(301)")
    assert tab.run("release(); return first") == "slow"
    assert tab.run(TOKEN) == "token-2"


@pytest.mark.parametrize("life", ["soon", None, -1])
def test_a_token_without_a_plausible_life_is_not_kept(tab: Tab, broker: Site, life: object) -> None:
    broker.then(200, {"access_token": "odd", "expires_in": life})
    assert [tab.run(TOKEN), tab.run(TOKEN)] == ["odd", "token-2"]


def test_a_computer_that_slept_has_aged_its_token(tab: Tab) -> None:
    assert tab.run(TOKEN) == "token-1"
    tab.run("later(0, 5 * 3600)")
    assert tab.run(TOKEN) == "token-2"


def test_a_clock_that_is_set_back_does_not_lengthen_a_token_s_life(tab: Tab) -> None:
    assert tab.run(TOKEN) == "token-1"
    tab.run("later(5 * 3600, -3600)")
    assert tab.run(TOKEN) == "token-2"


def test_twenty_who_ask_at_once_share_one_exchange(tab: Tab, broker: Site) -> None:
    assert set(tab.run("return Promise.all(Array.from({ length: 20 }, () => source.getToken()))")) == {"token-1"}
    assert len(broker.asked) == 1


def test_force_has_a_new_token_made_and_the_identity_is_not_forced(tab: Tab) -> None:
    assert [tab.run(TOKEN), tab.run("return source.getToken({ force: true })"), tab.run(TOKEN)] == [
        "token-1",
        "token-2",
        "token-2",
    ]
    assert tab.run("return asked") == [False, False]


def test_force_joins_an_exchange_that_is_under_way(tab: Tab, broker: Site) -> None:
    tab.run(f"{HOLD}; window.all = Promise.all([source.getToken(), source.getToken({{ force: true }})])")
    assert tab.run("release(); return all") == ["token-1", "token-1"]
    assert len(broker.asked) == 1


def test_a_signal_ends_the_waiting_of_its_own_caller_alone(tab: Tab, broker: Site) -> None:
    tab.run(f"{HOLD}; window.patient = source.getToken()")
    with pytest.raises(Thrown, match="had enough"):
        tab.run(
            """const own = new AbortController()
            const impatient = source.getToken({ signal: own.signal })
            own.abort(new Error('had enough'))
            return impatient"""
        )
    assert tab.run("release(); return patient") == "token-1"
    assert len(broker.asked) == 1


def test_a_signal_that_lives_on_gathers_no_listeners(tab: Tab) -> None:
    script = """const { signal } = new AbortController()
                const { addEventListener, removeEventListener } = signal
                let listeners = 0
                signal.addEventListener = (...given) => { listeners++; addEventListener.apply(signal, given) }
                signal.removeEventListener = (...given) => { listeners--; removeEventListener.apply(signal, given) }
                for (let count = 0; count < 3; count++) await source.getToken({ signal })
                return listeners"""
    assert tab.run(script) == 0


def test_a_signal_that_has_ended_before_asks_nobody(tab: Tab, broker: Site) -> None:
    with pytest.raises(Thrown) as caught:
        tab.run("return source.getToken({ signal: AbortSignal.abort() })")
    assert caught.value.name == "AbortError"
    assert (tab.run("return asked"), broker.asked) == ([], [])


FAILURES = {
    "busy": lambda site: site.then(429, {"error": "temporarily_unavailable", "retry_after": 1}),
    "unavailable": lambda site: site.then(503, {"message": "Service Unavailable"}),
    "at fault": lambda site: site.then(500, {"error": "server_error"}),
    "a stranger's page": lambda site: site.then(200, b"<p>Log in to this network"),
}
LATE = "later(5 * 3600)"  # a sixth of a token's life is left


@pytest.mark.parametrize("fail", FAILURES.values(), ids=FAILURES.keys())
def test_a_renewal_that_finds_the_broker_so_leaves_the_old_token_in_use(tab: Tab, broker: Site, fail: object) -> None:
    tab.run(TOKEN)
    tab.run(LATE)
    fail(broker)  # type: ignore[operator]
    assert [tab.run(TOKEN), tab.run(TOKEN)] == ["token-1", "token-3"]


def test_an_identity_that_fails_at_a_renewal_leaves_the_old_token_in_use(tab: Tab) -> None:
    tab.run(TOKEN)
    tab.run(LATE)
    assert tab.run("held = Promise.reject(new TypeError('offline')); return source.getToken()") == "token-1"
    assert tab.run("held = undefined; return source.getToken()") == "token-2"


def test_a_token_in_its_last_five_minutes_is_never_given_for_want_of_a_new_one(tab: Tab, broker: Site) -> None:
    tab.run(TOKEN)
    tab.run(f"{LATE}; later(56 * 60)")
    broker.then(500, {"error": "server_error", "message": "The broker failed."})
    with pytest.raises(Thrown, match="The broker failed"):
        tab.run(TOKEN)


def test_a_token_that_was_refused_is_never_given_for_want_of_a_new_one(tab: Tab, broker: Site) -> None:
    tab.run(TOKEN)
    broker.then(500, {"error": "server_error", "message": "The broker failed."})
    with pytest.raises(Thrown, match="The broker failed"):
        tab.run("return source.getToken({ force: true })")


def test_a_renewal_that_is_refused_withdraws_the_old_token(tab: Tab, broker: Site) -> None:
    tab.run(TOKEN)
    tab.run(LATE)
    broker.then(403, {"error": "access_denied", "message": "No rule of the trust policy matches this caller."})
    with pytest.raises(Thrown) as caught:
        tab.run(TOKEN)
    assert caught.value.code == "access_denied"
    broker.then(500, {"error": "server_error", "message": "The broker failed."})
    with pytest.raises(Thrown, match="The broker failed"):
        tab.run(TOKEN)


def test_a_person_who_has_signed_out_elsewhere_loses_the_old_token_at_its_renewal(tab: Tab) -> None:
    tab.run(TOKEN)
    tab.run(LATE)
    with pytest.raises(Thrown) as caught:
        tab.run("person = null; return source.getToken()")
    assert caught.value.code == "signed_out"
