"""One stack for each test process, a site with the token source, and the people who sign in there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.kit.stacks import Client, running_stack
from tests.kit.tabs import Browser, Tab, running_browser
from tests.kit.token_page import serving_page

POLICY = Path(__file__).with_name("policy.yaml")
PAGE = "http://localhost:8080"  # an origin that the stack allows


class Site:
    """A site whose server knows the person, its `claims` and whether the JWT that it has at hand is too old."""

    def __init__(self, client: Client, browser: Browser) -> None:
        self._client = client
        self._browser = browser
        self._before: set[str] = set()
        self.person: str | None = "alice"
        self.claims: dict[str, Any] = {}
        self.is_stale = False

    def reset(self) -> None:
        self.person, self.claims, self.is_stale = "alice", {}, False
        self._before = {record["request_id"] for record in self._client.records()}

    def give_jwt(self, force: bool) -> str | None:
        """A JWT of the person, or None. The one at hand may have expired; a forced one has not."""
        if self.person is None:
            return None
        expired = {"exp": self._client.now - 600} if self.is_stale and not force else {}
        return self._client.jwt(**{"sub": self.person, **self.claims, **expired})

    @contextmanager
    def tab(self, clock: dict[str, Any] | None = None, **options: Any) -> Iterator[Tab]:
        """A tab with a `source` of the stack's broker; `options` are the source's. Its clock obeys."""
        with self._browser.tab(PAGE, clock=clock or {}) as tab:
            self.begin(tab, **options)
            yield tab

    @contextmanager
    def beside(self, tab: Tab) -> Iterator[Tab]:
        """Another tab of the same window with a `source`, as when a tab is duplicated."""
        with tab.beside(PAGE) as other:
            self.begin(other)
            yield other

    def begin(self, tab: Tab, **options: Any) -> None:
        stack = self._client.stack
        tab.run("begin(given)", **{"session": True, "url": stack["broker_url"], "api2": stack["api2_url"], **options})

    @property
    def exchanges(self) -> list[tuple[str, str | None]]:
        """Outcome and subject of all exchanges of this test in their order, by the audit records."""
        ours = [record for record in self._client.records() if record["request_id"] not in self._before]
        return [(record["outcome"], record.get("subject")) for record in ours]


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with running_stack(tmp_path_factory.mktemp("stack"), POLICY) as running:
        yield running


@pytest.fixture(scope="session")
def a_site(client: Client) -> Iterator[Site]:
    people: list[Site] = []
    with (
        serving_page(lambda force: people[0].give_jwt(force)) as port,
        running_browser(f"MAP localhost:8080 127.0.0.1:{port}") as browser,
    ):
        people.append(Site(client, browser))
        yield people[0]


@pytest.fixture
def site(a_site: Site, client: Client) -> Site:
    """The site with alice at it, who is an editor; the sandbox without faults and counters at zero."""
    client.api2.raw("POST", "/_sandbox/reset")
    a_site.reset()
    return a_site
