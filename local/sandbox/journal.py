"""What was asked: a line for each request, and counters for tests. No secret, token or signature comes here."""

import logging
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass

LOG = logging.getLogger("local.sandbox")
_KEPT = 10_000
_SHOWN = ("grant_type", "scope", "aud")


@dataclass(frozen=True, slots=True)
class Entry:
    """`status`: None where nothing was answered. `caller`: how it was, or was to be, authenticated.

    `fault`: what it met; `refused`: the error's code and message. Each text is empty where there is none.
    """

    method: str
    path: str
    status: int | None
    caller: str
    refused: str
    fault: str = ""

    def __str__(self) -> str:
        fault, refused = self.fault and f" fault: {self.fault}", self.refused and f" refused {self.refused}"
        line = f"{self.method} {self.path} {self.status or '-'} {self.caller or 'nobody'}{fault}{refused}"
        # Whoever names a Step or a key does not write lines of the log.
        return line if line.isprintable() else line.encode("unicode_escape").decode()


class Journal:
    """`calls` by method and path, with {id} for ids; `forms` of token requests; the last entries."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.forms: deque[dict[str, str]] = deque(maxlen=_KEPT)
        self.entries: deque[Entry] = deque(maxlen=_KEPT)

    def clear(self) -> None:
        self.calls.clear()
        self.forms.clear()
        self.entries.clear()

    def count(self, method: str, path: str) -> None:
        name = f"{method} {path}"
        self.calls[name if name in self.calls or len(self.calls) < _KEPT else "others"] += 1

    def form(self, form: Mapping[str, str]) -> None:
        """A token request's form: values of fields that api2 does not know may be secret."""
        self.forms.append({name: value if name in _SHOWN else "…" for name, value in form.items()})

    def write(self, entry: Entry) -> None:
        self.entries.append(entry)
        LOG.info("%s", entry)
