"""The broker as `wiring` builds it, and outside of it over sockets: an issuer, Secrets Manager, the sandbox."""

import asyncio
import json
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, web
from broker.base.audit import AuditRecord
from broker.base.settings import read_settings
from broker.early import begin_start
from broker.wiring import build, by_jwt
from token_broker.policy.compiler import Local, compile_policy

from local.aws.account import Principal
from local.aws.services import client
from local.sandbox.app import create_app
from local.sandbox.clock import Clock
from local.sandbox.model import AuthKey
from tests.kit.api2 import Api2
from tests.kit.callers import Answer, InProcess
from tests.kit.jwts import Signer
from tests.kit.policies import AUDIENCE
from tests.kit.servers import Loop, serving
from tests.kit.standstill import standstill

PRINCIPAL = Principal.new()  # moto checks no signature
KEY = AuthKey("key-1", "auth-secret-1", ("assemblies:read", "assemblies:write", "templates:read"))
NEW_KEY = AuthKey("key-2", "auth-secret-2", KEY.scopes)
POLICY = """
version: 1
credentials: {default: {}}
issuers:
  site: {issuer: "${ISSUER_URL}", audiences: ["${AUDIENCE}"], algorithms: [ES256], keys: discovery}
rules:
  - {name: editors, issuer: site, when: {groups: {any: [editors]}}, scopes: [assemblies:read, assemblies:write]}
  - {name: billing, issuer: site, when: {groups: {any: [billing]}}, scopes: [billing:read]}
"""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Site:
    """A server that gives the test's answer for each path, and counts requests, as a rule by their path."""

    def __init__(self, by: Callable[[web.Request], str] = lambda request: request.path) -> None:
        self._by = by
        self.calls: Counter[str] = Counter()
        self.answers: dict[str, Handler] = {}

    def app(self) -> web.Application:
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.calls[self._by(request)] += 1
        return await self.answers.get(request.path, self.answers[""])(request)


def says(value: Any, status: int = 200, **headers: str) -> Handler:
    """Answers with this value as JSON, or these bytes."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    named = {name.replace("_", "-"): text for name, text in headers.items()}

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers=named)

    return answer


def late(seconds: float, then: Handler) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await then(request)

    return answer


async def resets(request: web.Request) -> web.StreamResponse:
    """Closes the connection with RST in place of an answer."""
    assert request.transport is not None
    linger = struct.pack("ii", 1, 0)
    request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    request.transport.abort()
    return web.Response()


async def drips(request: web.Request) -> web.StreamResponse:
    """A body that goes on for ever, a byte at a time, each in time for a limit on single reads."""
    response = web.StreamResponse(headers={"content-length": "10000"})
    await response.prepare(request)
    for _ in range(600):
        await response.write(b" ")
        await asyncio.sleep(0.1)
    return response


def forwards(origin: str) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        headers = {
            name: text for name, text in request.headers.items() if name.lower() not in ("host", "content-length")
        }
        body = await request.read()
        async with (
            ClientSession() as session,
            session.request(request.method, origin + request.path, data=body, headers=headers) as got,
        ):
            return web.Response(status=got.status, body=await got.read(), content_type=got.content_type)

    return answer


def one_at_a_time(then: Handler) -> Handler:
    """DynamoDB checks a condition and writes in one step; moto in two, between which another thread may come."""
    lock = asyncio.Lock()

    async def answer(request: web.Request) -> web.StreamResponse:
        async with lock:
            return await then(request)

    return answer


class World(InProcess):
    """One broker and its outside. `calls` counts the requests to each neighbour since the last `post` began.

    `milliseconds`: what the last `post` took, without the time for which this machine stood still.
    """

    milliseconds: float

    def __init__(self, running: ExitStack, loop: Loop, moto: str, folder: Path) -> None:
        self.clock: Clock = Clock()
        self.signer = Signer("ES256")
        self.issuer, self.aws = Site(), Site(by=lambda request: request.headers["x-amz-target"].partition(".")[0])
        self.issuer_url = running.enter_context(serving(self.issuer.app, on=loop))
        self.aws_url = running.enter_context(serving(self.aws.app, on=loop))
        self.api2_url = running.enter_context(serving(lambda: create_app([KEY, NEW_KEY], self.clock), on=loop))
        self.api2 = Api2(self.api2_url)
        self.issuer.answers = {
            "": says({"issuer": self.issuer_url, "jwks_uri": f"{self.issuer_url}/keys"}),
            "/keys": says(self.signer.jwks()),
        }
        self.aws.answers[""] = self.reading = forwards(moto)
        self.table_answers = one_at_a_time(self.reading)
        self.table: str | None = None
        self.policy = POLICY
        self.secret_name = f"test/{folder.name}"
        self.secrets = client("secretsmanager", moto, PRINCIPAL)
        self.records: list[AuditRecord] = []
        self._minted_before = [0]
        self._file = folder / "policy.json"
        self.use_api2_at(self.api2_url)

    def use_api2_at(self, origin: str) -> None:
        """A new environment whose policy names this origin."""
        local = Local(origin, self.aws_url, {"ISSUER_URL": self.issuer_url, "AUDIENCE": AUDIENCE})
        self._file.write_bytes(compile_policy(self.policy, "policy.yaml", local).data)
        self._start()

    def beside(self) -> "World":
        """Another environment of the same deployment. It shares everything except memory, budgets and records."""
        other = copy(self)
        other.records = []
        other._start()
        other.prepare()
        return other

    def prepare(self) -> None:
        """Do ahead what the function's start does: the AWS clients alone take the time of several calls."""
        self.broker.prepare()
        self.forget()

    def _start(self) -> None:
        variables = PRINCIPAL.variables() | {"CREDENTIALS": "default", "CREDENTIAL_SECRETS": self.secret_name}
        variables |= {"POWERTOOLS_SERVICE_NAME": "test"}
        variables |= {"SHARED_TABLE": self.table} if self.table else {}
        early = begin_start(self.clock, self._file)
        self.broker = build(read_settings(variables), self.records.append, by_jwt, early)
        self.exchange = self.broker.exchange

    def share(self, table: str, policy: str = POLICY) -> None:
        """From here on the deployment has the shared table."""
        self.table, self.policy = table, policy
        self.aws.answers[""] = self._by_service
        self.use_api2_at(self.api2_url)

    async def _by_service(self, request: web.Request) -> web.StreamResponse:
        is_table = request.headers["x-amz-target"].startswith("DynamoDB_")
        return await (self.table_answers if is_table else self.reading)(request)

    def put_secret(self, text: str | None = None, key: AuthKey = KEY) -> None:
        """A new version of the secret: this key's, or this text."""
        text = json.dumps({"auth_key": key.key, "auth_secret": key.secret}) if text is None else text
        try:
            self.secrets.create_secret(Name=self.secret_name, SecretString=text)
        except self.secrets.exceptions.ResourceExistsException:
            self.secrets.put_secret_value(SecretId=self.secret_name, SecretString=text)

    def post(self, jwt: str | None = None, *, seconds: float = 15, **fields: str) -> Answer:
        """A token request, which leaves one audit record."""
        before = len(self.records)
        self.forget()
        with standstill() as still:
            answer = super().post(jwt, seconds=seconds, **fields)
        self.milliseconds = self.record.milliseconds - 1000 * still.seconds
        assert len(self.records) == before + 1
        return answer

    def forget(self) -> None:
        self.issuer.calls.clear()
        self.aws.calls.clear()
        self._minted_before[0] = self.api2.mints

    @property
    def mints(self) -> int:
        return self.api2.mints - self._minted_before[0]

    @property
    def calls(self) -> dict[str, int]:
        """The requests to each neighbour since the last `post` began. A neighbour without one is left out."""
        counted = {
            "issuer": self.issuer.calls.total(),
            "secrets": self.aws.calls["secretsmanager"],
            "table": self.aws.calls["DynamoDB_20120810"],
            "mint": self.mints,
        }
        assert self.aws.calls.total() == counted["secrets"] + counted["table"]
        return {name: number for name, number in counted.items() if number}


@contextmanager
def world(loop: Loop, moto: str, folder: Path) -> Iterator[World]:
    """A world with its secret in place."""
    with ExitStack() as running:
        made = World(running, loop, moto, folder)
        made.put_secret()
        made.forget()
        yield made
