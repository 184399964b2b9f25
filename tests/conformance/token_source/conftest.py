"""The token source in Chromium: a page with it, a broker and an api2 that remember, each of an origin of its own."""

from collections.abc import Iterator

import pytest

from tests.kit.recorded import Site, answer_as_broker
from tests.kit.servers import Loop, loop, serving
from tests.kit.tabs import Browser, Tab, running_browser
from tests.kit.token_page import serving_page


@pytest.fixture(scope="session")
def running_loop() -> Iterator[Loop]:
    with loop() as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with running_browser() as running:
        yield running


@pytest.fixture(scope="session")
def page_origin() -> Iterator[str]:
    with serving_page() as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def a_broker(running_loop: Loop) -> Iterator[Site]:
    site = Site(answer_as_broker)
    with serving(site.app, on=running_loop) as site.origin:
        yield site


@pytest.fixture(scope="session")
def an_api2(running_loop: Loop) -> Iterator[Site]:
    site = Site(lambda asked, number: {"items": []})
    with serving(site.app, on=running_loop) as site.origin:
        yield site


@pytest.fixture
def broker(a_broker: Site) -> Site:
    a_broker.reset()
    return a_broker


@pytest.fixture
def api2(an_api2: Site) -> Site:
    an_api2.reset()
    return an_api2


@pytest.fixture(scope="session")
def a_tab(browser: Browser, page_origin: str) -> Iterator[Tab]:
    with browser.tab(page_origin) as opened:
        yield opened


@pytest.fixture
def tab(a_tab: Tab, page_origin: str, broker: Site, api2: Site) -> Tab:
    """A page that was loaded just now, whose `source` is that of a person who is signed in."""
    a_tab.load(page_origin)
    a_tab.run("begin(given)", url=broker.origin, api2=api2.origin)
    return a_tab
