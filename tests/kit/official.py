"""Transloadit's own Node client, of either package, called from tests by the names of its methods."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.sandbox.model import AuthKey
from tests.kit.node import Node, Script, node_for

FOLDER = Path(__file__).parents[1] / "conformance/api2"
PACKAGES = ("@transloadit/node", "transloadit")


@dataclass
class Refused(Exception):
    """An error of the client: the name of its type, api2's code, the HTTP status."""

    name: str
    code: str | None = None
    status: int | None = None
    message: str = field(default="", compare=False)


@dataclass(frozen=True)
class Official:
    """The client with its constructor's options. It refuses answers that do not fit its own schemas."""

    script: Script
    options: dict[str, Any]

    def __call__(self, method: str, *given: Any) -> Any:
        """Call a method of the client and return its value. Raises Refused."""
        told = self.script.ask(options={"validateResponses": True, **self.options}, method=method, given=given)
        if "refused" in told:
            raise Refused(**told["refused"])
        return told["answer"]

    def having(self, **options: Any) -> "Official":
        return Official(self.script, {**self.options, **options})

    def with_secret_of(self, key: AuthKey) -> "Official":
        return self.having(authKey=key.key, authSecret=key.secret)

    def with_token_of(self, key: AuthKey, *scopes: str) -> "Official":
        """With a bearer token that it mints, and without the secret."""
        token = self.with_secret_of(key)("mintBearerToken", {"aud": "api2", "scope": scopes})["access_token"]
        return self.having(authToken=token)


@contextmanager
def running_client(package: str, node: Node | None = None) -> Iterator[Script]:
    with Script(node or node_for(FOLDER), FOLDER / "official.mjs", package) as running:
        yield running
