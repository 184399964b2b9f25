"""A page of another origin in Chromium, through the gateway's CORS to the built artifact."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kit.chromium import browser
from tests.kit.forms import FORM
from tests.kit.pages import page_port, request
from tests.kit.stacks import Client

ALLOWED = "http://localhost:8080"
FORBIDDEN = "http://site.example:8080"


class Page:
    """Exchanges on pages of two origins, both of which are served here."""

    def __init__(self, ask: Any, client: Client) -> None:
        self._ask = ask
        self._client = client

    def exchange(self, origin: str, jwt: str) -> tuple[dict[str, Any], list[str]]:
        """The answer that the page could read, and the methods that reached `/token`, by the gateway's log."""
        before = len(self._methods())
        url = f"{self._client.stack['broker_url']}/token"
        sent = request(url, "POST", "grant_type=client_credentials", authorization=f"Bearer {jwt}", content_type=FORM)
        (answer,) = self._ask(url=f"{origin}/", given=[sent])["answers"]
        return answer, self._methods()[before:]

    def _methods(self) -> list[str]:
        lines = [line.partition("local.gateway ")[2] for line in self._client.log_lines()]
        entries = [json.loads(line) for line in lines if line]
        return [entry["method"] for entry in entries if entry["path"] == "/token"]


@pytest.fixture
def page(clean: Client) -> Iterator[Page]:
    with (
        page_port() as port,
        browser(*(f"MAP {name}:8080 127.0.0.1:{port}" for name in ("localhost", "site.example"))) as ask,
    ):
        yield Page(ask.ask, clean)


def test_a_page_of_an_allowed_origin_gets_a_token_after_a_preflight(page: Page, clean: Client) -> None:
    answer, methods = page.exchange(ALLOWED, clean.jwt())
    assert answer["status"] == 200
    assert clean.api2.opens(json.loads(answer["body"])["access_token"])
    assert methods == ["OPTIONS", "POST"]


def test_a_page_of_an_allowed_origin_reads_why_it_was_refused(page: Page, clean: Client) -> None:
    answer, _ = page.exchange(ALLOWED, clean.jwt(groups=[]))
    assert (answer["status"], json.loads(answer["body"])["error"]) == (403, "access_denied")


def test_a_page_of_another_origin_stops_at_the_preflight(page: Page, clean: Client) -> None:
    answer, methods = page.exchange(FORBIDDEN, clean.jwt(sub="visitor", groups=["personal"]))
    assert answer.keys() == {"unreadable"}
    assert methods == ["OPTIONS"]
    assert clean.mints == 0
