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
import msgspec
from aiohttp import web
from broker.policy.model import load
from token_broker.jwt import KEY_FILE, load_key

from infra.sam import ROOT
from local.aws import services as aws
from local.aws.roles import Session
from local.aws.server import ROLES
from local.aws.template import Resources, translated
from local.emulator.environment import Function, environments
from local.emulator.event_source import EventSource
from local.emulator.pool import Environment, Pool, invoke_app
from local.gateway.api import Api, read_api
from local.gateway.gateway import gateway_app
from local.issuer.app import issuer_app
from local.issuer.key import make_key
from local.loopback.processes import end, end_with_parent
from local.loopback.sites import start_site
from local.sandbox.app import create_app
from local.stack.control import STACK_FILE
from local.stack.deployment import create_resources, make_parameters, make_sessions
from local.stack.options import Options
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
    policy = load((folder / "artifact/policy.json").read_bytes())
    keys = make_real_key(info) if options.upstream else make_keys(info, policy)
    resources = translated(_TEMPLATE, make_parameters(policy, keys), ROOT / ".local")
    sessions = make_sessions(resources)
    await _start_aws(running, folder, info, sessions)
    issuer = issuer_app(info.issuer_url, load_key(folder / KEY_FILE))
    await _start_site(running, issuer, _read_port(info.issuer_url))
    await _wait_for_answer(info.aws_endpoint_url, status=403)  # an unsigned request is refused
    pairs = {name: (key.key, key.secret) for name, key in keys.items() if name in policy.credentials}
    await asyncio.to_thread(create_resources, info, resources, pairs)
    if options.upstream is None:
        app = create_app([*keys.values()], settings=make_settings(info, policy))
        await _start_site(running, app, _read_port(info.api2_url))
    pools = {name: Pool(each) for name, each in _make_environments(resources, sessions, info, options, folder).items()}
    for pool in pools.values():
        running.push_async_callback(pool.stop)
    await asyncio.gather(*(pool.start() for pool in pools.values()))
    _start_event_sources(running, resources, sessions, info, pools)
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


async def _start_aws(running: AsyncExitStack, folder: Path, info: StackInfo, sessions: Mapping[str, Session]) -> None:
    ports = (str(_read_port(url)) for url in (info.aws_endpoint_url, info.durable_url))
    variables = {**info.principal.variables(), ROLES: msgspec.json.encode([*sessions.values()]).decode()}
    await _start_process(running, folder, "-m", "local.aws.server", *ports, variables=variables)


def _make_environments(
    resources: Resources, sessions: Mapping[str, Session], info: StackInfo, options: Options, folder: Path
) -> dict[str, list[Environment]]:
    """Make the environments of the template's functions, by logical id. All run from the same artifact."""
    found = {}
    for name, session in sessions.items():
        function = Function.from_template(resources[name]["Properties"], folder / "artifact")
        workers = options.workers if name == "BrokerFunction" else 1
        # The API's address is known only here.
        variables = {**session.principal.variables(), "PUBLIC_URL": info.broker_url, "AWS_LAMBDA_FUNCTION_NAME": name}
        found[name] = environments(workers, function, folder, variables, name=name)
    return found


def _start_event_sources(
    running: AsyncExitStack,
    resources: Resources,
    sessions: Mapping[str, Session],
    info: StackInfo,
    pools: Mapping[str, Pool],
) -> None:
    for resource in resources.values():
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            properties = resource["Properties"]
            function = properties["FunctionName"]
            queues = aws.client("sqs", info.aws_endpoint_url, sessions[function].principal)
            polling = asyncio.create_task(EventSource.from_template(properties, queues, pools[function]).run())
            running.callback(polling.cancel)


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
