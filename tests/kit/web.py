"""A web in memory: an `Http` that answers as told and remembers what was asked."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from broker.net import Answer, OutOfReach

Reply = Answer | OutOfReach | Callable[[], Answer]


@dataclass
class Call:
    method: str
    url: str
    seconds: float
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def reply(value: Any, status: int = 200, **headers: str) -> Answer:
    """An answer; `value` as JSON, or bytes as they are. Header names in snake case."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Answer(status, {name.replace("_", "-"): text for name, text in headers.items()}, body)


class Web:
    """`web[url] = reply` for every call, `web.then(url, a, b)` for the next calls before that."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._always: dict[str, Reply] = {}
        self._next: dict[str, list[Reply]] = {}
        self._sites: dict[str, Callable[[Call], Answer]] = {}

    def __setitem__(self, url: str, answer: Reply) -> None:
        self._always[url] = answer

    def then(self, url: str, *answers: Reply) -> None:
        self._next.setdefault(url, []).extend(answers)

    def serve(self, url: str, site: Callable[[Call], Answer]) -> None:
        """Let this answer every call, by what it was asked."""
        self._sites[url] = site

    def count(self, url: str) -> int:
        return sum(call.url == url for call in self.calls)

    def __call__(
        self,
        method: str,
        url: str,
        *,
        seconds: float,
        limit: int,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        call = Call(method, url, seconds, headers or {}, body or b"")
        self.calls.append(call)
        if url in self._sites:
            return self._sites[url](call)
        waiting = self._next.get(url)
        answer = waiting.pop(0) if waiting else self._always.get(url, OutOfReach("connection"))
        if isinstance(answer, OutOfReach):
            raise answer
        answer = answer if isinstance(answer, Answer) else answer()
        if len(answer.body) > limit:
            raise OutOfReach("answer too large")
        return answer
