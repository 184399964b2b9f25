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
    """`caller`: how it was authenticated; `refused`: the error's code and message; each empty where there is none."""

    method: str
    path: str
    status: int
    caller: str
    refused: str

    def __str__(self) -> str:
        refused = f" refused {self.refused}" if self.refused else ""
        line = f"{self.method} {self.path} {self.status} {self.caller or 'nobody'}{refused}"
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
