"""`source.fetch`: which requests carry the token, what becomes of a 401, and what ends a request."""

import pytest

from tests.kit.recorded import Site
from tests.kit.tabs import Tab, Thrown
from tests.kit.token_page import HTML, MODULE


def bearers(site: Site) -> list[str | None]:
    return [asked.bearer for asked in site.asked]


FORMS = {
    "a text": "given.url",
    "a URL": "new URL(given.url)",
    "a Request": "new Request(given.url)",
    "a text in capitals": "given.url.toUpperCase()",
    "an object that reads as text": "({ toString: () => given.url })",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_a_request_to_api2_has_the_token_however_its_address_is_given(tab: Tab, api2: Site, form: str) -> None:
    assert tab.run(f"return (await source.fetch({form})).json()", url=f"{api2.origin}/assemblies") == {"items": []}
    assert bearers(api2) == ["token-1"]


def test_the_function_needs_no_source_before_it(tab: Tab, api2: Site) -> None:
    tab.run("const { fetch } = source; await fetch(given.url)", url=f"{api2.origin}/assemblies")
    assert bearers(api2) == ["token-1"]


def test_method_body_and_headers_of_a_request_to_api2_stay(tab: Tab, api2: Site) -> None:
    tab.run(
        """const headers = { 'content-type': 'application/json', authorization: 'Basic of-the-page' }
        await source.fetch(given.url, { method: 'PUT', body: '{"a":1}', headers })""",
        url=f"{api2.origin}/templates/1",
    )
    (asked,) = api2.asked
    assert (asked.method, asked.body, asked.bearer) == ("PUT", {"a": 1}, "token-1")


def test_a_request_to_another_origin_has_no_token_and_asks_for_none(tab: Tab, api2: Site, broker: Site) -> None:
    elsewhere = broker.origin
    tab.run(
        """await source.fetch(given.url)
        await source.fetch(new Request(given.url, { headers: { authorization: 'Basic of-the-page' } }))
        await source.fetch('/')""",
        url=f"{elsewhere}/elsewhere",
    )
    assert [(asked.path, asked.bearer) for asked in broker.asked] == [
        ("/elsewhere", None),
        ("/elsewhere", "Basic of-the-page"),
    ]


def test_a_401_of_another_origin_is_the_answer(tab: Tab, broker: Site) -> None:
    broker.then(401)
    assert tab.run("return (await source.fetch(given.url)).status", url=f"{broker.origin}/elsewhere") == 401
    assert bearers(broker) == [None]


LOOKALIKES = {
    "api2's name before an @": "http://{api2}@{elsewhere}/assemblies",
    "api2's name in the path": "http://{elsewhere}/http://{api2}/assemblies",
    "api2's name in the query": "http://{elsewhere}/?http://{api2}/assemblies",
    "api2's port after another name": "http://localhost:{port}/assemblies",
}


@pytest.mark.parametrize("form", LOOKALIKES.values(), ids=LOOKALIKES.keys())
def test_an_origin_that_only_looks_like_api2_s_gets_no_token(tab: Tab, api2: Site, broker: Site, form: str) -> None:
    host = api2.origin.removeprefix("http://")
    url = form.format(api2=host, elsewhere=broker.origin.removeprefix("http://"), port=host.rpartition(":")[2])
    tab.run("await source.fetch(given.url).catch(() => {})", url=url)
    assert set(bearers(broker)) <= {None}
    assert api2.asked == []
    assert tab.run("return asked") == []


def test_an_address_that_changes_between_two_readings_gets_no_token(tab: Tab, api2: Site, broker: Site) -> None:
    tab.run(
        """let readings = 0
        const twoFaced = { url: given.api2, toString: () => (readings++ ? given.elsewhere : given.api2) }
        const reversed = { url: given.api2, toString: () => given.elsewhere }
        await source.fetch(twoFaced)
        await source.fetch(reversed)""",
        api2=f"{api2.origin}/assemblies",
        elsewhere=f"{broker.origin}/elsewhere",
    )
    assert bearers(api2) == ["token-1"]
    assert [asked.bearer for asked in broker.asked if asked.path == "/elsewhere"] == [None]


def test_api2_is_transloadit_s_where_nothing_else_is_said(tab: Tab, broker: Site) -> None:
    # This Chromium resolves no name: what matters is who was asked for a token.
    tab.run(
        """source = createTokenSource({ url: given.broker, identity: 'a.b.c' })
        for (const name of ['api2.transloadit.com', 'transloadit.com', 'api2.transloadit.com.evil.example']) {
          await source.fetch(`https://${name}/assemblies`).catch(() => {})
        }
        await source.fetch('http://api2.transloadit.com/assemblies').catch(() => {})""",
        broker=broker.origin,
    )
    assert [asked.path for asked in broker.asked] == ["/token"]


BODIES = {
    "a text": "{ method: 'POST', body: 'content' }",
    "a blob": "{ method: 'POST', body: new Blob(['content']) }",
}


@pytest.mark.parametrize("init", BODIES.values(), ids=BODIES.keys())
def test_a_request_that_api2_refuses_is_sent_again_with_a_new_token(tab: Tab, api2: Site, init: str) -> None:
    api2.then(401, {"error": "TOKEN_INVALID_CREDENTIALS"})
    assert tab.run(f"return (await source.fetch(given.url, {init})).status", url=f"{api2.origin}/assemblies") == 200
    assert [(asked.bearer, asked.body) for asked in api2.asked] == [("token-1", "content"), ("token-2", "content")]


def test_a_request_object_that_api2_refuses_is_sent_again_with_its_body(tab: Tab, api2: Site) -> None:
    api2.then(401)
    script = """const request = new Request(given.url, { method: 'POST', body: 'content' })
                return (await source.fetch(request)).status"""
    assert tab.run(script, url=f"{api2.origin}/assemblies") == 200
    assert [(asked.bearer, asked.body) for asked in api2.asked] == [("token-1", "content"), ("token-2", "content")]


def test_a_request_that_api2_refuses_twice_is_api2_s_answer(tab: Tab, api2: Site) -> None:
    api2.then(401, {"error": "SERVER_401"}, times=2)
    script = "const answer = await source.fetch(given.url); return [answer.status, await answer.json()]"
    assert tab.run(script, url=f"{api2.origin}/assemblies") == [401, {"error": "SERVER_401"}]
    assert len(api2.asked) == 2


def test_a_stream_cannot_be_sent_again_so_its_refusal_is_the_answer(tab: Tab, api2: Site, broker: Site) -> None:
    # HTTP/1.1 carries no stream of a page, so the network's place is taken by the page's own fetch.
    script = """window.fetch = async (request) => (
                  request.url.endsWith('/token') ? Response.json({ access_token: 't', expires_in: 21600 })
                    : (await request.text(), new Response(null, { status: 401 })))
                const body = new Blob(['content']).stream()
                return (await source.fetch(given.url, { method: 'POST', body, duplex: 'half' })).status"""
    assert tab.run(script, url=f"{api2.origin}/assemblies") == 401


def test_another_answer_than_401_is_not_asked_for_again(tab: Tab, api2: Site) -> None:
    api2.then(403, {"error": "INSUFFICIENT_AUTH_SCOPE"})
    assert tab.run("return (await source.fetch(given.url)).status", url=f"{api2.origin}/assemblies") == 403
    assert len(api2.asked) == 1


def test_many_requests_whose_token_is_refused_share_one_new_one(tab: Tab, api2: Site, broker: Site) -> None:
    tab.run("return source.getToken()")
    api2.then(401, times=10)
    script = "return Promise.all(Array.from({ length: 10 }, async () => (await source.fetch(given.url)).status))"
    assert set(tab.run(script, url=f"{api2.origin}/assemblies")) == {200}
    assert len(broker.asked) == 2
    assert bearers(api2).count("token-1") == 10


def test_a_redirect_of_api2_takes_the_token_nowhere(tab: Tab, api2: Site, broker: Site) -> None:
    api2.then(307, location=f"{broker.origin}/elsewhere")
    with pytest.raises(Thrown) as caught:
        tab.run("return source.fetch(given.url, { redirect: 'follow' })", url=f"{api2.origin}/assemblies")
    assert caught.value.name == "TypeError"
    assert [asked.path for asked in broker.asked] == ["/token"]


def test_cookies_go_neither_to_the_broker_nor_to_api2(tab: Tab, api2: Site, broker: Site) -> None:
    # The sites differ by port alone, so the page's cookie is theirs, too.
    tab.run("document.cookie = 'session=1'; await fetch(given.url, { credentials: 'include' })", url=api2.origin)
    assert api2.asked[0].headers["cookie"] == "session=1"
    tab.run("await source.fetch(given.url, { credentials: 'include' })", url=f"{api2.origin}/assemblies")
    tab.run("document.cookie = 'session=; max-age=0'")
    assert [asked.headers.get("cookie") for asked in (api2.asked[1], broker.asked[0])] == [None, None]


def test_cookies_stay_out_where_the_broker_has_the_page_s_own_origin(tab: Tab, broker: Site) -> None:
    broker.then(200, HTML.encode(), content_type="text/html")
    broker.then(200, MODULE.read_bytes(), content_type="text/javascript")
    tab.load(broker.origin)
    tab.run("document.cookie = 'session=1'; begin({ url: location.origin }); await source.getToken()")
    tab.run("document.cookie = 'session=; max-age=0'")
    assert [(asked.path, asked.headers.get("cookie")) for asked in broker.asked if asked.method == "POST"] == [
        ("/token", None)
    ]


def test_the_signal_of_a_request_ends_its_waiting_for_a_token(tab: Tab, api2: Site, broker: Site) -> None:
    script = """held = new Promise((resolve) => { window.release = resolve })
                const own = new AbortController()
                const request = source.fetch(given.url, { signal: own.signal })
                window.patient = source.getToken()
                own.abort(new Error('had enough'))
                return request"""
    with pytest.raises(Thrown, match="had enough"):
        tab.run(script, url=f"{api2.origin}/assemblies")
    assert tab.run("release(); return patient") == "token-1"
    assert (api2.asked, len(broker.asked)) == ([], 1)


def test_a_refusal_of_the_broker_is_the_error_of_the_request(tab: Tab, api2: Site, broker: Site) -> None:
    broker.then(403, {"error": "access_denied"})
    with pytest.raises(Thrown) as caught:
        tab.run("return source.fetch(given.url)", url=f"{api2.origin}/assemblies")
    assert caught.value.code == "access_denied"
    assert api2.asked == []
