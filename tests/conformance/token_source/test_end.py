"""`end`: what is forgotten, what is aborted, what the other tabs learn, and what never leaves the page's memory."""

import pytest

from tests.kit.recorded import Site
from tests.kit.tabs import Tab, Thrown
from tests.kit.waiting import wait_until

TOKEN = "return source.getToken()"
HOLD = "held = new Promise((resolve) => { window.release = resolve })"
# How a promise in `running` ended, without waiting for one that does not end.
OUTCOME = "return Promise.race([running, new Promise((resolve) => setTimeout(resolve, 500, 'still waiting'))])"


def test_the_next_token_is_the_next_person_s(tab: Tab, broker: Site) -> None:
    tab.run(TOKEN)
    tab.run("source.end(); person = 'bob'")
    assert tab.run(TOKEN) == "token-2"
    assert [asked.bearer for asked in broker.asked] == ["alice-1", "bob-2"]


def test_an_exchange_that_runs_is_refused_and_leaves_no_token(tab: Tab, broker: Site) -> None:
    tab.run(f"{HOLD}; window.running = source.getToken().catch(({{ code }}) => code)")
    assert tab.run(f"source.end(); {OUTCOME}") == "signed_out"
    assert tab.run("release(); held = undefined; person = 'bob'; return source.getToken()") == "token-1"
    assert [asked.bearer for asked in broker.asked] == ["bob-2"]


def test_the_end_of_one_person_s_exchange_does_not_double_the_next_one_s(tab: Tab, broker: Site) -> None:
    script = f"""{HOLD}
                 const before = source.getToken().catch(({{ code }}) => code)
                 source.end()
                 person = 'bob'
                 const first = source.getToken()
                 const left = await before
                 const second = source.getToken()
                 release()
                 return [left, await first, await second]"""
    assert tab.run(script) == ["signed_out", "token-1", "token-1"]
    assert len(broker.asked) == 1


def test_a_sign_out_at_any_moment_after_the_answer_leaves_no_token(tab: Tab) -> None:
    # The answer is read, and so many steps of the page's promises later the person signs out.
    script = """const left = []
                for (let steps = 0; steps < 40; steps++) {
                  person = 'alice'
                  source.end()
                  window.fetch = async (request) => {
                    const access_token = request.headers.get('authorization').replace(/Bearer (\\w+).*/, '$1')
                    const leave = async () => {
                      for (let step = 0; step < steps; step++) await null
                      if (person === 'alice') source.end()
                      person = 'bob'
                    }
                    const json = async () => { leave(); return { access_token, expires_in: 21600 } }
                    return { ok: true, status: 200, json }
                  }
                  await source.getToken().catch(() => {})
                  await new Promise((resolve) => setTimeout(resolve))
                  left.push(await source.getToken())
                }
                return left"""
    assert set(tab.run(script)) == {"bob"}


def test_an_exchange_that_waits_for_a_busy_broker_is_refused(tab: Tab, broker: Site) -> None:
    broker.then(503, {"error": "temporarily_unavailable", "retry_after": 50})
    tab.run("window.running = source.getToken().catch(({ code }) => code)")
    wait_until(lambda: len(broker.asked) == 1)
    assert tab.run(f"source.end(); {OUTCOME}") == "signed_out"
    # Nobody is asked again in the name of the person who has gone.
    assert tab.run("return asked") == [False]


def test_signatures_that_are_asked_for_are_refused(tab: Tab, broker: Site) -> None:
    script = f"""{HOLD}
                 const asks = [source.assemblyOptions('a')(), source.smartCdnUrl('a', '1'), source.storageGrant('own')]
                 window.running = Promise.all(asks.map((ask) => ask.catch(({{ code }}) => code)))
                 await null
                 source.end()
                 {OUTCOME}"""
    assert tab.run(script) == ["signed_out"] * 3


def test_asks_of_one_moment_are_never_signed_for_the_next_person(tab: Tab, broker: Site) -> None:
    script = """const ask = (name) => source.smartCdnUrl('a', name).catch(({ code }) => code)
                const before = ask('alice.jpg')
                source.end()
                person = 'bob'
                return Promise.all([before, ask('bob.jpg')])"""
    assert tab.run(script) == ["signed_out", "https://cdn.example/bob.jpg?sig=1"]
    assert [asked.body["inputs"] for asked in broker.asked] == [["bob.jpg"]]
    assert tab.run("return asked") == [False]


def test_a_request_that_runs_is_refused_and_not_sent_again_as_the_next_person(tab: Tab, api2: Site) -> None:
    script = f"""window.running = source.fetch(given.url).catch(({{ code }}) => code)
                 {HOLD}
                 source.end()
                 person = 'bob'
                 release()
                 {OUTCOME}"""
    assert tab.run(script, url=f"{api2.origin}/assemblies") == "signed_out"
    assert api2.asked == []


def test_an_answer_that_is_being_read_is_ended(tab: Tab, api2: Site) -> None:
    script = """const answer = await source.fetch(given.url)
                source.end()
                return answer.text().then(() => 'read', ({ code }) => code)"""
    api2.then(200, "x" * 30_000_000)
    assert tab.run(script, url=f"{api2.origin}/assemblies") == "signed_out"


def test_another_tab_forgets_its_token_and_ends_what_runs(tab: Tab, page_origin: str, broker: Site) -> None:
    with tab.beside(page_origin) as beside:
        beside.run("begin(given)", url=broker.origin)
        assert [tab.run(TOKEN), beside.run(TOKEN)] == ["token-1", "token-2"]
        beside.run(f"{HOLD}; window.running = source.storageGrant('own').catch(({{ code }}) => code)")
        tab.run("source.end()")
        assert beside.run("return running") == "signed_out"
        with pytest.raises(Thrown) as caught:
            beside.run("held = undefined; person = null; return source.getToken()")
        assert caught.value.code == "signed_out"


def test_another_source_of_the_page_ends_as_well(tab: Tab, broker: Site) -> None:
    tab.run("window.other = createTokenSource({ ...given, identity: () => person })", url=broker.origin)
    assert tab.run("return other.getToken()") == "token-1"
    tab.run("source.end()")
    wait_until(lambda: tab.run("return other.getToken()") != "token-1")


def test_another_broker_s_source_stays(tab: Tab, broker: Site, api2: Site) -> None:
    tab.run("window.other = createTokenSource({ ...given, identity: () => person })", url=broker.origin)
    tab.run("return other.getToken()")
    tab.run("begin(given); await source.getToken().catch(() => {}); source.end()", url=api2.origin)
    assert tab.run("await new Promise((resolve) => setTimeout(resolve, 50)); return other.getToken()") == "token-1"


def test_a_tab_tells_the_others_nothing_but_that_it_ended(tab: Tab, broker: Site) -> None:
    tab.run(
        """window.heard = []
        new BroadcastChannel(`transloadit-token-broker ${given.url}`).onmessage = ({ data }) => heard.push(data)
        await source.getToken()
        await source.getToken({ force: true })
        source.end()""",
        url=broker.origin,
    )
    wait_until(lambda: tab.run("return heard.length") > 0)
    assert tab.run("return heard") == ["end"]


def test_nothing_is_kept_where_another_page_could_find_it(tab: Tab) -> None:
    tab.run(TOKEN)
    kept = tab.run(
        """return [localStorage.length, sessionStorage.length, document.cookie, (await indexedDB.databases()).length,
                   (await caches.keys()).length]"""
    )
    assert kept == [0, 0, "", 0, 0]


def test_a_token_shows_in_no_member_of_the_source_and_in_no_global(tab: Tab) -> None:
    tab.run("window.before = new Set(Object.keys(window)); return source.getToken()")
    assert (
        tab.run("return JSON.stringify(source) + Object.keys(window).filter((name) => !before.has(name))") == "{}before"
    )


def test_end_before_any_use_asks_nobody(tab: Tab, broker: Site) -> None:
    tab.run("source.end()")
    assert broker.asked == []
    with pytest.raises(Thrown):
        tab.run("person = null; return source.getToken()")
