"""The supervisor: one process that serves gateway, environments, issuer and sandbox, and starts AWS as a child."""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from broker.policy.model import load
from token_broker.jwt import KEY_FILE, load_key

from infra.sam import ROOT
from local.aws import services as aws
from local.aws.template import Resources, translated
from local.emulator.environment import Function, environments
from local.emulator.pool import Environment, Pool, invoke_app
from local.gateway.api import Api, read_api
from local.gateway.gateway import gateway_app
from local.issuer.app import issuer_app
from local.issuer.key import make_key
from local.loopback.processes import end, end_with_parent
from local.loopback.sites import start_site
from local.sandbox.app import create_app
from local.stack.control import STACK_FILE
from local.stack.options import PARAMETERS, Options
from local.stack.plan import PLAN_FILE, StackInfo
from local.stack.site import site_app
from local.stack.workspace import make_keys, make_real_key, make_settings

READY_SECONDS = 60.0
_TEMPLATE = ROOT / "template.yaml"


async def serve(options: Options, folder: Path) -> None:
    """Run the stack as planned until SIGTERM or SIGINT. While it is ready, `folder`/stack.json exists."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    planned, ready = folder / PLAN_FILE, folder / STACK_FILE
    info = StackInfo(**json.loads(planned.read_text()))
    async with AsyncExitStack() as running:
        for file in (planned, ready):
            running.callback(file.unlink, missing_ok=True)
        start = asyncio.create_task(_start(info, options, folder, running))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({start, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not start.done():
            start.cancel()
            await asyncio.gather(start, return_exceptions=True)
            return
        start.result()
        planned.replace(ready)
        await stopped


async def _start(info: StackInfo, options: Options, folder: Path, running: AsyncExitStack) -> None:
    """Start the parts, each after those that it needs."""
    make_key(folder / KEY_FILE)
    aws_port = str(_read_port(info.aws_endpoint_url))
    await _start_process(running, folder, "-m", "local.aws.server", aws_port, variables=info.principal.variables())
    issuer = issuer_app(info.issuer_url, load_key(folder / KEY_FILE))
    await _start_site(running, issuer, _read_port(info.issuer_url))
    await _wait_for_answer(info.aws_endpoint_url, status=403)  # an unsigned request is refused
    resources = translated(_TEMPLATE, PARAMETERS, ROOT / ".local")
    policy = load((folder / "artifact/policy.json").read_bytes())
    keys = make_real_key(info) if options.upstream else make_keys(info, policy)
    vault, database = (
        aws.client(name, info.aws_endpoint_url, info.principal) for name in ("secretsmanager", "dynamodb")
    )
    pairs = {name: (keys[name].key, keys[name].secret) for name in policy.credentials if name in keys}
    named = await asyncio.to_thread(aws.create_secrets, vault, pairs)
    await asyncio.to_thread(aws.create_tables, resources, database)
    if options.upstream is None:
        app = create_app([*keys.values()], settings=make_settings(info))
        await _start_site(running, app, _read_port(info.api2_url))
    variables = {**info.principal.variables(), **named, "PUBLIC_URL": info.broker_url}
    pools = {name: Pool(each) for name, each in _make_environments(resources, variables, options, folder).items()}
    for pool in pools.values():
        running.push_async_callback(pool.stop)
        await pool.start()
    # AWS's emulator serves its one function by the name `function`; keep that address for the broker's function.
    await _start_site(running, invoke_app({"function": pools["BrokerFunction"], **pools}), _read_port(info.invoke_url))
    site = site_app(info, folder / "site")
    await _start_site(running, site, _read_port(info.site_url))
    api = _admit_pages(read_api(resources), info.site_url)
    await _start_site(running, gateway_app(api, pools, info.principal), _read_port(info.broker_url))
    await _wait_for_answer(f"{info.broker_url}/health")


def _admit_pages(api: Api, site_url: str) -> Api:
    """Let the demo page call the broker, by either name of this machine. Its port is known only here."""
    assert api.cors is not None
    pages = {site_url, site_url.replace("127.0.0.1", "localhost")}
    return replace(api, cors=replace(api.cors, origins=api.cors.origins | pages))


def _make_environments(
    resources: Resources, variables: dict[str, str], options: Options, folder: Path
) -> dict[str, list[Environment]]:
    """Make the environments of the template's functions, by logical id. All run from the same artifact.

    `variables` are those that a deployment would fill in.
    """
    found = {}
    for name, resource in resources.items():
        if resource["Type"] == "AWS::Lambda::Function":
            function = Function.from_template(resource["Properties"], folder / "artifact")
            workers = options.workers if name == "BrokerFunction" else 1
            found[name] = environments(workers, function, folder, variables, name=name)
    return found


def _read_port(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


async def _start_process(
    running: AsyncExitStack, folder: Path, *arguments: str, variables: Mapping[str, str] | None = None
) -> None:
    """Start a Python process that ends with this one, even if this one is killed.

    Secrets go into `variables`: every user of the machine can read a process's arguments.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=folder,
        env={**os.environ, **(variables or {})},
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=end_with_parent,
    )
    running.push_async_callback(end, process)


async def _start_site(running: AsyncExitStack, app: web.Application, port: int) -> None:
    running.push_async_callback((await start_site(app, port)).cleanup)


async def _wait_for_answer(url: str, status: int = 200) -> None:
    """Wait until a GET is answered with this status. Raises TimeoutError."""
    async with asyncio.timeout(READY_SECONDS), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url) as answer:
                    if answer.status == status:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
