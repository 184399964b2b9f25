"""Tabs of Chromium that live as long as a test wants: their clock, their network, a second one beside the first."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from tests.kit.chromium import chromium
from tests.kit.node import Script, node_for
from tests.kit.official import FOLDER


@dataclass
class Thrown(Exception):
    """What a script in a page threw: an error of the token source has a code, a status, and more."""

    name: str
    message: str
    code: str | None = None
    status: int | None = None
    request_id: str | None = None
    retry_after: float | None = None

    def __str__(self) -> str:
        return self.message

    @classmethod
    def read(cls, told: dict[str, Any]) -> Self:
        named = {"requestId": "request_id", "retryAfter": "retry_after"}
        return cls(**{named.get(name, name): value for name, value in told.items()})


@dataclass
class Tab:
    """One tab. `clock` in an order is a method of Playwright's clock: https://playwright.dev/docs/api/class-clock"""

    _driver: Script = field(repr=False)
    _number: int

    def load(self, url: str) -> None:
        self._order("load", url=url)

    def run(self, script: str, **given: Any) -> Any:
        """The value of a script, the body of an async function. Raises Thrown."""
        told = self._order("run", script=script, given=given)
        if "thrown" in told:
            raise Thrown.read(told["thrown"])
        return told["value"]

    def clock(self, method: str, argument: Any) -> None:
        self._order("clock", method=method, argument=argument)

    def offline(self, offline: bool) -> None:
        """Take the network away from this window, or give it back."""
        self._order("offline", offline=offline)

    def cut(self, url: str) -> None:
        """Let each request for this URL fail as if nobody listened."""
        self._order("cut", url=url)

    def restore(self, url: str) -> None:
        self._order("restore", url=url)

    def beside(self, url: str) -> AbstractContextManager["Tab"]:
        """Another tab of the same window."""
        return _opened(self._driver, url=url, beside=self._number)

    def _order(self, order: str, **given: Any) -> Any:
        return _ask(self._driver, order, tab=self._number, **given)


def _ask(driver: Script, order: str, **given: Any) -> Any:
    told = driver.ask(order=order, **given)
    assert "broken" not in told, told["broken"]
    return told.get("value")


@dataclass(frozen=True)
class Browser:
    _driver: Script

    def tab(self, url: str, clock: dict[str, Any] | None = None) -> AbstractContextManager[Tab]:
        """A tab of a window of its own. With `clock`, `{"time": …}` or empty, its clock obeys."""
        return _opened(self._driver, url=url, clock=clock)


@contextmanager
def _opened(driver: Script, **given: Any) -> Iterator[Tab]:
    number = _ask(driver, "open", **given)
    try:
        yield Tab(driver, number)
    finally:
        _ask(driver, "close", tab=number)


@contextmanager
def running_browser(*names: str) -> Iterator[Browser]:
    """`names`: what it resolves, as `MAP name[:port] address[:port]`."""
    with Script(node_for(FOLDER), FOLDER / "tabs.mjs", chromium(), *names) as driver:
        yield Browser(driver)
