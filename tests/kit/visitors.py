"""A person at a page in Chromium: clicks, chooses files, reads, and says what the page complained about."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.kit import official
from tests.kit.chromium import chromium
from tests.kit.node import Script, node_for

FOLDER = Path(__file__).with_name("visitor")


@dataclass(frozen=True)
class Visitor:
    _driver: Script = field(repr=False)

    def open(self, url: str, **window: Any) -> None:
        """Come to the page for the first time. `window`: its `width` and `height`, whether it is `dark`.

        `init` is a script that runs before those of each page.
        """
        self._order("open", url=url, **window)

    def reload(self) -> None:
        self._order("reload")

    def click(self, name: str, role: str = "button") -> None:
        self._order("click", name=name, role=role)

    def press(self, *keys: str) -> None:
        self._order("press", keys=keys)

    def choose(self, selector: str, *files: Path) -> None:
        self._order("choose", selector=selector, files=[str(file) for file in files])

    def see(self, text: str) -> None:
        """Wait until the page shows this text."""
        self._order("see", text=text)

    def see_pictures(self, count: int) -> list[str]:
        """Wait until so many pictures hang on the wall, each of them loaded. Returns their addresses."""
        return list(self._order("pictures", count=count))

    def read(self, selector: str) -> str:
        return str(self._order("text", selector=selector))

    def focused(self) -> str:
        """The text of what has the keyboard, or its id."""
        return str(self._order("focused"))

    def photograph(self, path: Path) -> None:
        self._order("shot", path=str(path))

    def overflows(self) -> bool:
        return bool(self._order("overflows"))

    def barriers(self) -> list[str]:
        """What axe finds that keeps somebody out: each with its impact, rule and place."""
        return list(self._order("axe"))

    def count_calls(self, call: str) -> int:
        """How often the pages sent a request such as `POST /token`, of whatever origin."""
        return int(self._order("asked", call=call))

    def complaints(self) -> list[str]:
        """Errors in the console (each breach of the Content-Security-Policy is one), and requests to other hosts."""
        found = self._order("found")
        return [*found["complaints"], *found["elsewhere"]]

    def _order(self, order: str, **given: Any) -> Any:
        told = self._driver.ask(order=order, **given)
        assert "broken" not in told, told["broken"]
        return told.get("value")


@contextmanager
def visiting(*names: str) -> Iterator[Visitor]:
    """`names`: what the browser resolves, as `MAP name[:port] address[:port]`."""
    node_for(FOLDER)
    with Script(node_for(official.FOLDER), FOLDER / "visitor.mjs", chromium(), *names) as driver:
        yield Visitor(driver)
