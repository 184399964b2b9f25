"""The life of a page: it sleeps, its clock is wrong, it loses the network, it is duplicated, it stays open."""

import time

import pytest

from tests.browser.conftest import Site
from tests.kit.stacks import Client
from tests.kit.tabs import Tab, Thrown

TOKEN = "return source.getToken()"
LIST = "return (await source.fetch(`${given.api2}/assemblies`)).status"
HOUR = 3_600_000  # milliseconds of the page's clock
GRANTED = ("granted", "alice")


def refusal(tab: Tab, script: str = TOKEN) -> Thrown:
    with pytest.raises(Thrown) as caught:
        tab.run(script)
    return caught.value


def test_a_page_open_for_seven_hours_makes_two_exchanges(site: Site, client: Client) -> None:
    with site.tab() as tab:
        for _ in range(15):
            assert tab.run(LIST, api2=client.api2.origin) == 200
            tab.clock("fastForward", HOUR / 2)
    assert site.exchanges == [GRANTED] * 2


def test_a_page_that_slept_for_the_night_asks_anew_when_it_is_used(site: Site, client: Client) -> None:
    with site.tab() as tab:
        tab.run(TOKEN)
        tab.offline(True)
        tab.clock("fastForward", 9 * HOUR)
        tab.offline(False)
        assert site.exchanges == [GRANTED]
        assert tab.run(LIST, api2=client.api2.origin) == 200
    assert site.exchanges == [GRANTED] * 2


def test_a_page_that_falls_asleep_while_the_broker_is_busy_wakes_with_a_token(site: Site, client: Client) -> None:
    client.api2.fault(status=503, times=2)  # the broker itself tries twice
    script = """const start = setTimeout
                const waiting = new Promise((resolve) => {
                  window.setTimeout = (...given) => (resolve(), start(...given))
                })
                window.running = source.getToken()
                return waiting"""
    with site.tab(scope="assemblies:read") as tab:
        tab.run(script)
        tab.clock("fastForward", 8 * HOUR)
        assert client.api2.opens(tab.run("return running"))
    assert site.exchanges == [("TemporarilyUnavailable", "alice"), GRANTED]


@pytest.mark.parametrize("wrong", [-3600, 3600], ids=["an hour behind", "an hour ahead"])
def test_a_page_whose_clock_is_wrong_works_as_any_other(site: Site, client: Client, wrong: int) -> None:
    with site.tab(clock={"time": (time.time() + wrong) * 1000}) as tab:
        assert tab.run("return Date.now()") == pytest.approx((time.time() + wrong) * 1000, abs=60_000)
        for _ in range(3):
            assert tab.run(LIST, api2=client.api2.origin) == 200
            tab.clock("fastForward", HOUR)
    assert site.exchanges == [GRANTED]


@pytest.mark.parametrize("jump", [-HOUR, HOUR], ids=["back", "forward"])
def test_a_clock_that_is_corrected_by_an_hour_never_keeps_a_token_for_longer(site: Site, jump: int) -> None:
    with site.tab() as tab:
        tab.run(TOKEN)
        tab.clock("setSystemTime", tab.run("return Date.now()") + jump)
        tab.run(TOKEN)
        assert site.exchanges == [GRANTED]
        # With or without the jump less than a fifth is left after five hours.
        tab.clock("fastForward", 5 * HOUR)
        tab.run(TOKEN)
    assert site.exchanges == [GRANTED] * 2


def test_a_page_that_is_offline_says_so_and_works_when_it_is_back(site: Site, client: Client) -> None:
    with site.tab() as tab:
        # The page's own server is out of reach, too, so the identity is given here.
        site.begin(tab, session=False)
        tab.offline(True)
        assert refusal(tab).code == "network_error"
        tab.offline(False)
        site.begin(tab)
        assert tab.run(LIST, api2=client.api2.origin) == 200


def test_a_page_that_goes_offline_has_its_token_until_its_last_five_minutes(site: Site) -> None:
    with site.tab() as tab:
        token = tab.run(TOKEN)
        tab.offline(True)
        tab.clock("fastForward", 5 * HOUR)
        assert tab.run(TOKEN) == token
        # Whatever is left of it: the broker gives tokens of at least five minutes.
        tab.clock("fastForward", HOUR)
        assert refusal(tab).name == "TypeError"  # the identity's own: it could not ask its server
        tab.offline(False)
        tab.run(TOKEN)
    assert site.exchanges == [GRANTED] * 2


def test_a_duplicated_tab_asks_for_itself_and_the_broker_mints_once(site: Site, client: Client) -> None:
    with site.tab() as tab, site.beside(tab) as other:
        assert tab.run(TOKEN) == other.run(TOKEN)
        # Each tab has forgotten what it likes: nothing is shared but by the broker.
        assert tab.run("return source.getToken({ force: true })") == other.run(TOKEN)
    assert site.exchanges == [GRANTED] * 3
    assert client.mints <= 1


def test_a_jwt_that_expired_first_is_asked_for_anew(site: Site, client: Client) -> None:
    site.is_stale = True
    with site.tab() as tab:
        assert tab.run(LIST, api2=client.api2.origin) == 200
        assert tab.run("return asked") == [False, True]
    assert [outcome for outcome, _ in site.exchanges] == ["CallerRefused", "granted"]


def test_a_jwt_that_expired_does_not_end_a_token_that_lives(site: Site, client: Client) -> None:
    with site.tab() as tab:
        tab.run(TOKEN)
        site.is_stale = True
        tab.clock("fastForward", HOUR)
        assert tab.run(LIST, api2=client.api2.origin) == 200
    assert site.exchanges == [GRANTED]


def test_a_person_who_signs_out_in_one_tab_is_signed_out_in_the_other(site: Site, client: Client) -> None:
    with site.tab() as tab, site.beside(tab) as other:
        tab.run(TOKEN)
        other.run(TOKEN)
        site.person = None
        tab.run("source.end()")
        for each in (other, tab):
            assert refusal(each).code == "signed_out"
        site.person = "bob"
        assert other.run(LIST, api2=client.api2.origin) == 200
    assert site.exchanges == [GRANTED, GRANTED, ("granted", "bob")]


def test_a_broker_that_is_down_is_told_and_is_asked_again_at_the_next_use(site: Site, client: Client) -> None:
    with site.tab() as tab:
        tab.cut("**/token")
        assert refusal(tab).code == "network_error"
        tab.restore("**/token")
        assert client.api2.opens(tab.run(TOKEN))


def test_a_broker_that_is_down_at_a_renewal_is_not_noticed_by_the_person(site: Site, client: Client) -> None:
    with site.tab() as tab:
        tab.run(TOKEN)
        tab.cut("**/token")
        tab.clock("fastForward", 5 * HOUR)
        assert tab.run(LIST, api2=client.api2.origin) == 200


def test_a_transloadit_that_is_down_for_a_moment_is_waited_for(site: Site, client: Client) -> None:
    with site.tab(scope="assemblies:write") as tab:
        client.api2.fault(status=503, times=2)  # the broker itself tries twice
        assert client.api2.opens(tab.run(TOKEN)) is False  # a token that may write, not list
        assert tab.run("return asked") == [False, False]
    assert [outcome for outcome, _ in site.exchanges] == ["TemporarilyUnavailable", "granted"]


def test_a_person_over_the_budget_is_told_when_to_come_back(site: Site) -> None:
    site.claims = {"sub": "carol", "groups": ["many"]}
    scopes = ["assemblies:read", "assemblies:write", "queues:read", "templates:read", "templates:write"]
    pairs = [f"{one} {other}" for one in scopes for other in scopes if one < other]
    with site.tab() as tab:
        for scope in pairs:
            site.begin(tab, scope=scope)
            tab.run(TOKEN)
        site.begin(tab, scope=scopes[0])
        told = refusal(tab, f"hurry(); {TOKEN}")
        assert (told.code, told.status) == ("temporarily_unavailable", 429)
        assert told.retry_after is not None
        # It would have waited each time until the budget has one more.
        waits = tab.run("return waits")
        assert len(waits) == 3
        assert all(told.retry_after <= wait <= 75 for wait in waits)
    assert [outcome for outcome, _ in site.exchanges[len(pairs) :]] == ["OverBudget"] * 4


def test_a_person_who_is_refused_is_told_once_and_let_in_when_entitled(site: Site, client: Client) -> None:
    site.claims = {"groups": []}
    with site.tab() as tab:
        told = refusal(tab)
        assert (told.code, told.status) == ("access_denied", 403)
        assert told.message.endswith("(docs/frontends.md#access_denied)")
        site.claims = {}
        assert tab.run(LIST, api2=client.api2.origin) == 200
    assert [outcome for outcome, _ in site.exchanges] == ["AccessDenied", "granted"]
    assert told.request_id in [record["request_id"] for record in client.records()]


def test_a_token_that_api2_refuses_is_replaced_once_and_the_refusal_is_shown(site: Site, client: Client) -> None:
    with site.tab() as tab:
        client.api2.fault(path="/assemblies", method="GET", error="SERVER_401", status=401)
        assert tab.run(LIST, api2=client.api2.origin) == 200
        client.api2.fault(path="/assemblies", method="GET", error="SERVER_401", status=401, times=2)
        assert tab.run(LIST, api2=client.api2.origin) == 401
    assert len(site.exchanges) == 3
