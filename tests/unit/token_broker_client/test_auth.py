"""The token on requests of httpx2 and requests, and on no request to anybody else."""

import asyncio
from typing import Any

import httpx2
import pytest
import requests
import urllib3
from token_broker_client import TokenError, TokenProvider, auth

from tests.kit.token_server import TokenServer, make_jwt, token, token_server

API2 = "https://api2.transloadit.com"
# The first is api2 to no parser. What a library makes of the others, it must not send the token elsewhere.
ELSEWHERE = [
    "http://api2.transloadit.com/",
    "https://api2.transloadit.com.example.com/",
    "https://example.com/https://api2.transloadit.com/",
    "https://api2.transloadit.com@example.com/",
    "https://example.com\\@api2.transloadit.com/",
    "https://api2.transloadit.com\\@example.com/",
    "https://api2.transloadit.com:8443/",
    "https://example.com#@api2.transloadit.com/",
]


@pytest.fixture
def provider(broker: TokenServer) -> TokenProvider:
    broker.then(token())
    return TokenProvider(broker.origin, lambda: make_jwt(sub="a"))


def sent_by_httpx(url: str, provider: TokenProvider) -> list[tuple[str, str | None]]:
    """The hosts and headers of what httpx2 sends for this URL."""
    seen: list[tuple[str, str | None]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append((f"{request.url.scheme}://{request.url.host}", request.headers.get("authorization")))
        return httpx2.Response(200)

    with httpx2.Client(transport=httpx2.MockTransport(answer), auth=provider.auth) as client:
        client.get(url)
    return seen


class Recorder(requests.adapters.BaseAdapter):
    """In the network's place: remembers what requests would send."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.seen.append((request.url, request.headers.get("Authorization")))
        answer = requests.Response()
        answer.status_code = 200
        return answer

    def close(self) -> None:
        """Nothing is open."""


def sent_by_requests(url: str, provider: TokenProvider) -> list[Any]:
    recorder = Recorder()
    with requests.Session() as session:
        session.mount("https://", recorder)
        session.mount("http://", recorder)
        session.get(url, auth=provider.auth)
    return recorder.seen


def test_httpx_and_requests_send_the_token_to_api2(provider: TokenProvider, broker: TokenServer) -> None:
    assert sent_by_httpx(f"{API2}/templates", provider) == [(API2, "Bearer bearer-1")]
    assert sent_by_requests(f"{API2}/templates", provider) == [(f"{API2}/templates", "Bearer bearer-1")]
    assert len(broker.calls) == 1


@pytest.mark.parametrize("url", ELSEWHERE)
def test_a_request_elsewhere_gets_no_token_and_asks_for_none(
    url: str, provider: TokenProvider, broker: TokenServer
) -> None:
    try:
        sent: list[Any] = sent_by_httpx(url, provider)
    except httpx2.InvalidURL:
        sent = []
    # If a parser reads api2's own host by https in it, the same parser sends it there.
    assert all(header is None or host == API2 for host, header in sent)
    try:
        sent = sent_by_requests(url, provider)
    except requests.exceptions.InvalidURL:
        sent = []
    assert all(header is None or urllib3.util.parse_url(str(to)).host == "api2.transloadit.com" for to, header in sent)
    if "\\" not in url:
        assert broker.calls == []


def test_a_redirect_to_another_origin_does_not_take_the_token_along(broker: TokenServer) -> None:
    with token_server() as api2, token_server() as elsewhere:
        broker.then(token())
        elsewhere.then({})
        api2.then({}, 302, location=f"{elsewhere.origin}/")
        provider = TokenProvider(broker.origin, lambda: make_jwt(sub="a"), endpoint=api2.origin)
        with httpx2.Client(auth=provider.auth, follow_redirects=True) as client:
            client.get(f"{api2.origin}/")
        # requests keeps the header for another port of one host name, so that the other origin has another name.
        api2.answers = [(302, {"location": elsewhere.origin.replace("127.0.0.1", "localhost")}, b"")]
        requests.get(f"{api2.origin}/", auth=provider.auth, timeout=20)
        assert [call.headers.get("authorization") for call in api2.calls] == ["Bearer bearer-1"] * 2
        assert [call.headers.get("authorization") for call in elsewhere.calls] == [None] * 2


def test_the_sandbox_gets_the_token_when_the_variable_of_transloadit_s_tools_names_it(
    broker: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.then(token())
    with token_server() as sandbox:
        sandbox.then({})
        monkeypatch.setenv("TRANSLOADIT_ENDPOINT", sandbox.origin)
        provider = TokenProvider(broker.origin, lambda: make_jwt(sub="a"))
        assert requests.get(f"{sandbox.origin}/", auth=provider.auth, timeout=20).status_code == 200
        assert sandbox.calls[0].headers["authorization"] == "Bearer bearer-1"
        assert sent_by_httpx(f"{API2}/", provider) == [(API2, None)]


def test_async_auth_works_in_async_and_plain_clients(provider: TokenProvider) -> None:
    seen: list[str | None] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.headers.get("authorization"))
        return httpx2.Response(200)

    async def ask() -> None:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer), auth=provider.async_auth) as client:
            await client.get(f"{API2}/")
            await client.get("https://example.com/")
            await client.get(f"{API2}/", auth=provider.auth)

    asyncio.run(ask())
    with httpx2.Client(transport=httpx2.MockTransport(answer), auth=provider.async_auth) as client:
        client.get(f"{API2}/")
    assert seen == ["Bearer bearer-1", None, "Bearer bearer-1", "Bearer bearer-1"]


def test_without_httpx_the_async_auth_says_what_to_take(
    provider: TokenProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "_load", lambda _: None)
    with pytest.raises(TokenError, match="async_auth needs httpx or httpx2"):
        _ = provider.async_auth
