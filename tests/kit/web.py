"""A web in memory: an `Http` that gives the test's answers and remembers the calls."""

import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from broker.base.net import Answer, Call, OutOfReach

from tests.kit.clock import Clock

Reply = Answer | OutOfReach | Callable[[], Answer | OutOfReach]


def reply(value: Any, status: int = 200, **headers: str) -> Answer:
    """An answer; `value` as JSON, or bytes as they are. Header names in snake case."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Answer(status, {name.replace("_", "-"): text for name, text in headers.items()}, body)


def late(clock: Clock, seconds: float, answer: Answer | OutOfReach) -> Reply:
    """The same answer after so many seconds."""

    def wait() -> Answer | OutOfReach:
        clock.advance(seconds)
        return answer

    return wait


class Web:
    """`web[url] = reply` for every call, `web.then(url, a, b)` for the next calls before that."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._always: dict[str, Reply] = {}
        self._next = defaultdict[str, list[Reply]](list)
        self._sites: dict[str, Callable[[Call], Answer]] = {}
        self._under: dict[str, Callable[[Call], Answer]] = {}

    def __setitem__(self, url: str, answer: Reply) -> None:
        self._always[url] = answer

    def then(self, url: str, *answers: Reply) -> None:
        self._next[url] += answers

    def serve(self, url: str, site: Callable[[Call], Answer]) -> None:
        """Let this site answer every call of the URL, by its content."""
        self._sites[url] = site

    def serve_under(self, prefix: str, site: Callable[[Call], Answer]) -> None:
        """Let this site answer every call whose URL begins so, unless another answer waits for it."""
        self._under[prefix] = site

    def count(self, url: str) -> int:
        return sum(call.url == url for call in self.calls)

    def __call__(self, call: Call, /) -> Answer:
        self.calls.append(call)
        if call.url in self._sites:
            return self._sites[call.url](call)
        waiting = self._next[call.url]
        under = next((site for prefix, site in self._under.items() if call.url.startswith(prefix)), None)
        if under is not None and not waiting and call.url not in self._always:
            return under(call)
        answer = waiting.pop(0) if waiting else self._always.get(call.url, OutOfReach("connection"))
        answer = answer() if callable(answer) else answer
        if isinstance(answer, OutOfReach):
            raise answer
        if len(answer.body) > call.limit:
            raise OutOfReach("answer too large")
        return answer
