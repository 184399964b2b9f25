"""The local gateway before a function that gives the test's value. Its routes are those of the template."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3

from local.aws.account import Principal
from local.emulator.pool import Outcome, Pool
from local.gateway.api import Api, Cors, Route
from local.gateway.gateway import gateway_app
from tests.kit.servers import serving

PRINCIPAL = Principal.new()
PAGE = "https://site.example"
ALLOWED = Cors(frozenset({PAGE}), "GET,POST", "authorization,content-type", "retry-after,www-authenticate", 600)
ROUTED = {
    ("ANY", "/token"): Route("Broker"),
    ("GET", "/health"): Route("Broker"),
    ("ANY", "/iam/token"): Route("Iam", needs_iam=True),
    ("POST", "/notifications/{id}"): Route("Broker"),
}


class Function(Pool):
    """Stands in for the function: keeps the event, and returns the test's value."""

    def __init__(self, returns: Any = None) -> None:
        super().__init__([])
        self.events: list[dict[str, Any]] = []
        self.returns = {"statusCode": 200, "body": "ok"} if returns is None else returns

    async def invoke(self, event: bytes) -> Outcome:
        self.events.append(json.loads(event))
        if isinstance(self.returns, Exception):
            raise self.returns
        if isinstance(self.returns, Outcome):
            return self.returns
        return Outcome(json.dumps(self.returns).encode(), failed=False)


class Gateway:
    def __init__(self, origin: str, function: Function) -> None:
        self.origin = origin
        self.function = function
        self._web = urllib3.PoolManager(retries=False, timeout=60)

    def send(self, method: str, path: str = "/token", **options: Any) -> urllib3.BaseHTTPResponse:
        return self._web.request(method, self.origin + path, redirect=False, **options)

    def event(self, method: str = "POST", path: str = "/token", **options: Any) -> dict[str, Any]:
        """The event that a request became."""
        self.send(method, path, **options)
        return self.function.events[-1]


@contextmanager
def gateway(
    returns: Any = None, *, cors: Cors | None = ALLOWED, rate: float = 1000, burst: float = 1000, renames: bool = False
) -> Iterator[Gateway]:
    function = Function(returns)
    api, pools = Api(ROUTED, cors, rate, burst), {"Broker": function, "Iam": function}
    with serving(lambda: gateway_app(api, pools, PRINCIPAL, renames=renames)) as origin:
        yield Gateway(origin, function)
