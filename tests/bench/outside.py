"""The parties that are called: an issuer, Secrets Manager, api2 and a table, by TLS on loopback, near or far."""

import asyncio
import secrets
import ssl
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import certifi
import trustme
from aiohttp import web

from local.aws import services as aws
from local.aws.account import Principal
from local.loopback.processes import end, end_with_parent, free_ports
from local.sandbox.app import create_app
from local.sandbox.model import DEFAULT_WORKSPACE, AuthKey, Settings
from local.sandbox.resources import Template
from local.stack.workspace import ENCODE_ID
from tests.bench import table
from tests.bench.relay import Relay
from tests.kit.brokers import AUTH_KEY, AUTH_SECRET
from tests.kit.callers import claims_of_alice
from tests.kit.jwts import Signer
from tests.kit.policies import AUDIENCE

HOST = "127.0.0.1"
PRINCIPAL = Principal.new()  # moto checks no signature
CREDENTIAL = AuthKey(AUTH_KEY, AUTH_SECRET)
PIPELINE_SECRET = aws.secret_name("pipeline-key")
# What the local policy names; no file is imported.
ENCODE = Template(
    ENCODE_ID, DEFAULT_WORKSPACE, "encode", {"steps": {"imported": {"robot": "/s3/import", "path": "a"}}}, 0, 0, 0
)


@dataclass
class Outside:
    """The addresses and distances of the parties, and the signer of caller JWTs."""

    issuer_url: str
    aws_url: str
    api2_url: str
    table_url: str
    trusted: Path  # the authorities of the world and of the bench, as a file
    signer: Signer = field(default_factory=Signer)
    relays: Mapping[str, Relay] = field(default_factory=dict)  # issuer, aws, api2, table

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables by which an environment trusts these servers and finds AWS."""
        return {
            **PRINCIPAL.variables(),
            "POWERTOOLS_SERVICE_NAME": "bench",
            "CREDENTIALS": "default",
            "CREDENTIAL_SECRETS": aws.secret_name("default"),
            "SSL_CERT_FILE": str(self.trusted),
            "AWS_CA_BUNDLE": str(self.trusted),
            "AWS_ENDPOINT_URL": self.aws_url,
        }

    def jwt(self, *, signer: Signer | None = None, **claims: Any) -> str:
        """A caller JWT by RS256, which most issuers use. By default it is that of alice, an editor."""
        claims = {"exp": int(time.time()) + 3600} | claims
        return (signer or self.signer).jwt(claims_of_alice(self.issuer_url, AUDIENCE, time.time(), **claims))

    def calls(self) -> Counter[str]:
        """How many requests each was sent so far."""
        return Counter({name: relay.requests for name, relay in self.relays.items()})


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Outside]:
    """All of them, as long as the context."""
    authority = trustme.CA()
    trusted = folder / "authorities.pem"
    # The world's authorities too, since reading them is a part of what TLS costs a start.
    trusted.write_bytes(Path(certifi.where()).read_bytes() + authority.cert_pem.bytes())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST).configure_cert(context)
    ports = free_ports(4)
    issuer_url, aws_url, api2_url, table_url = (f"https://{HOST}:{port}" for port in ports)
    outside = Outside(issuer_url, aws_url, api2_url, table_url, trusted)
    async with AsyncExitStack() as stack:
        targets = {
            "issuer": await site(stack, issuer_app(outside)),
            "aws": await _moto(stack, folder),
            "api2": await site(stack, create_app([CREDENTIAL], settings=Settings(templates=(ENCODE,)))),
            "table": await site(stack, table.create_app()),
        }
        outside.relays = {name: Relay(target, context) for name, target in targets.items()}
        for relay, port in zip(outside.relays.values(), ports, strict=True):
            stack.push_async_callback(relay.stop)
            await relay.start(port)
        yield outside


def issuer_app(outside: Outside) -> web.Application:
    """The issuer at `outside.issuer_url`."""

    async def metadata(request: web.Request) -> web.Response:
        return web.json_response({"issuer": outside.issuer_url, "jwks_uri": f"{outside.issuer_url}/jwks"})

    async def keys(request: web.Request) -> web.Response:
        return web.json_response(outside.signer.jwks())

    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", metadata)
    app.router.add_get("/jwks", keys)
    return app


async def site(stack: AsyncExitStack, app: web.Application) -> int:
    """The port where an application is served until the stack is left; by any name, since relays stand before it."""
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=1)
    stack.push_async_callback(runner.cleanup)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    return int(runner.addresses[0][1])


async def _moto(stack: AsyncExitStack, folder: Path) -> int:
    """Secrets Manager in a process of its own, with the secrets."""
    (port,) = free_ports(1)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(port)),
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        preexec_fn=end_with_parent,
    )
    stack.push_async_callback(end, process)
    await listening(port)
    endpoint = f"http://{HOST}:{port}"
    vault = aws.client("secretsmanager", endpoint, PRINCIPAL)
    await asyncio.to_thread(aws.create_secrets, vault, {}, {"default": (CREDENTIAL.key, CREDENTIAL.secret)})
    await asyncio.to_thread(vault.create_secret, Name=PIPELINE_SECRET, SecretString=secrets.token_hex(32))
    return port


async def listening(port: int, seconds: float = 30) -> None:
    """Wait until something listens. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                _, writer = await asyncio.open_connection(HOST, port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
