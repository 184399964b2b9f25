"""An entry point of the function as Lambda loads it, in this process: its own module, policy file and environment."""

import contextlib
import importlib
import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from broker import early
from broker.policy.model import Policy

from tests.kit.jwts import Signer
from tests.kit.policies import compiled, issuer
from tests.kit.web import Web

ENVIRONMENT = {
    "POWERTOOLS_SERVICE_NAME": "test",
    "CALLER_NAME": "nightly",
    "PIPELINE_SECRET": "transloadit/pipeline-key",
    "CREDENTIALS": "default",
    "CREDENTIAL_SECRETS": "transloadit/default",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
}
NOWHERE = "http://127.0.0.1:1"  # api2 and AWS of a test that must reach neither
Handler = Callable[[Any, Any], Any]


class Context:
    aws_request_id = "8f5aa0cc-2cb9-4c1b-a4f5-6f7d0b5e3a2e"

    def get_remaining_time_in_millis(self) -> int:
        return 15_000


class Function:
    """`function(event)` is an invocation; `records` are the audit records that it wrote."""

    def __init__(self, handler: Handler, written: io.StringIO) -> None:
        self._handler = handler
        self._written = written

    def __call__(self, event: Any) -> Any:
        with contextlib.redirect_stdout(self._written):
            return self._handler(event, Context())

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line)["audit"] for line in self._written.getvalue().splitlines()]

    def forget(self) -> None:
        self._written.seek(0)
        self._written.truncate()


def event(name: str, **changes: Any) -> dict[str, Any]:
    """An event of tests/events, some of its members changed."""
    read = json.loads((Path(__file__).parents[1] / f"events/{name}.json").read_text())
    return dict(read) | changes


@contextlib.contextmanager
def loaded(name: str, folder: Path, signer: Signer, **environment: str) -> Iterator[Function]:
    """The entry point `broker.<name>`: its one issuer has this signer's keys, and outside of it there is nothing."""
    entries = [issuer(jwks=signer.jwks())]
    file = folder / "policy.json"
    file.write_bytes(compiled(is_local=True, upstream=NOWHERE, aws_endpoint=NOWHERE, issuers=entries))
    with _load(name, partial(early.begin_start, policy_file=file), environment) as function:
        yield function


@contextlib.contextmanager
def loaded_on(web: Web, name: str, trust: Policy, **environment: str) -> Iterator[Function]:
    """The entry point `broker.<name>` with this policy, and the web in memory outside of it."""
    connected = Future[None]()
    connected.set_result(None)
    http: Any = web
    with _load(name, lambda: early.Early(time.time, trust, http, connected), environment) as function:
        yield function


@contextlib.contextmanager
def _load(name: str, begin_start: Callable[[], early.Early], environment: dict[str, str]) -> Iterator[Function]:
    module = f"broker.{name}"
    with (
        mock.patch.dict("os.environ", ENVIRONMENT | environment),
        mock.patch.object(early, "begin_start", begin_start),
    ):
        sys.modules.pop(module, None)
        try:
            yield Function(importlib.import_module(module).handler, io.StringIO())
        finally:
            sys.modules.pop(module, None)
