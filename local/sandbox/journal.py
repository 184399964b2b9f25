"""The journal: a line for each request, and counters for tests. It contains no secret, token or signature."""

import logging
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass

LOG = logging.getLogger("local.sandbox")
_KEPT = 10_000
_SHOWN = ("grant_type", "scope", "aud")


@dataclass(frozen=True, slots=True)
class Entry:
    """One request. `status` is None if no answer was sent. `caller`: the sender, even if its proof was refused.

    `fault`: the fault that the request met. `refused`: the error's code and message. Empty texts mean none.
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
        # A line feed in the name of a Step or key would let its author forge lines of the log. So escape it.
        return line if line.isprintable() else line.encode("unicode_escape").decode()


class Journal:
    """`calls`: counts by method and path, with `{id}` for ids. `forms`: of token requests. `entries`: the last ones."""

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
        """Record a token request's form. Fields that api2 does not know may contain secrets, so their values are left
        out.
        """
        self.forms.append({name: value if name in _SHOWN else "…" for name, value in form.items()})

    def write(self, entry: Entry) -> None:
        self.entries.append(entry)
        LOG.info("%s", entry)
