"""The stack on one machine as one supervisor process: gateway, environments, sandbox; issuer and AWS beside it."""

import asyncio
import json
import logging
import os
import secrets
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web
from broker.policy import load
from token_broker.files import read
from token_broker.jwt import KEY_FILE
from token_broker.policy.compiler import compile_policy
from token_broker.policy.model import SCOPES
from token_broker.policy.target import local_of

from local import artifact, aws, issuer
from local.emulator.environment import Function, environments
from local.emulator.pool import INVOKE_PATH, Environment, Pool, invoke_app
from local.gateway import gateway_app, read_api
from local.options import AUDIENCE, PARAMETERS, Options, Ports
from local.processes import end, end_with_parent
from local.sandbox.app import create_app
from local.sandbox.model import AuthKey
from local.sites import start_site
from local.translate import Resources, translated

STACK_FILE = "stack.json"
READY_SECONDS = 60.0
_TEMPLATE = artifact.ROOT / "template.yaml"


@dataclass(frozen=True, slots=True)
class StackInfo:
    """`.local/stack.json`: where everything is."""

    broker_url: str
    invoke_url: str
    token_function_url: str
    api2_url: str
    issuer_url: str
    audience: str
    aws_endpoint_url: str
    auth_key: str
    auth_secret: str = field(repr=False)
    policy: str
    log_dir: str


def plan(options: Options, ports: Ports, folder: Path) -> StackInfo:
    """Where everything will be."""
    here = "http://127.0.0.1"
    return StackInfo(
        broker_url=f"{here}:{ports.broker}",
        invoke_url=f"{here}:{ports.invoke}{INVOKE_PATH}",
        token_function_url=f"{here}:{ports.invoke}{INVOKE_PATH.replace('function/', 'TokenFunction/')}",
        api2_url=options.upstream or f"{here}:{ports.api2}",
        issuer_url=f"{here}:{ports.issuer}",
        audience=AUDIENCE,
        aws_endpoint_url=f"{here}:{ports.aws}",
        auth_key=options.auth_key or secrets.token_hex(16),
        auth_secret=options.auth_secret or secrets.token_hex(20),
        policy=str(options.policy),
        log_dir=str(folder / "log"),
    )


def compiled(info: StackInfo) -> bytes:
    """The policy for this stack. Raises PolicyErrors, BadFile."""
    text = read(Path(info.policy), "POLICY names the trust policy")
    return compile_policy(text, info.policy, local_of(asdict(info))).data


async def serve(options: Options, ports: Ports, folder: Path) -> None:
    """Run the stack until SIGTERM or SIGINT; `folder`/stack.json is there while it is ready."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    info = plan(options, ports, folder)
    file = folder / STACK_FILE
    async with AsyncExitStack() as running:
        running.callback(file.unlink, missing_ok=True)
        start = asyncio.create_task(_start(info, options, ports, folder, running))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({start, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not start.done():
            start.cancel()
            await asyncio.gather(start, return_exceptions=True)
            return
        start.result()
        _write(file, info)
        await stopped


async def _start(info: StackInfo, options: Options, ports: Ports, folder: Path, running: AsyncExitStack) -> None:
    """Start the parts in the order in which they need one another."""
    issuer.make_key(folder / KEY_FILE)
    await _process(running, folder, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(ports.aws))
    await _process(running, folder, "-m", "local.issuer", str(ports.issuer), str(folder / KEY_FILE))
    await _answers(f"{info.issuer_url}/.well-known/openid-configuration")
    await _answers(f"{info.aws_endpoint_url}/moto-api/")
    resources = translated(_TEMPLATE, PARAMETERS, artifact.ROOT / ".local")
    credentials = load((folder / "artifact/policy.json").read_bytes()).credentials
    endpoint = info.aws_endpoint_url
    told = await asyncio.to_thread(
        aws.create_secrets, resources, endpoint, credentials, info.auth_key, info.auth_secret
    )
    await asyncio.to_thread(aws.create_tables, resources, endpoint)
    if options.upstream is None:
        key = AuthKey(info.auth_key, info.auth_secret, SCOPES)
        await _site(running, create_app([key]), ports.api2)
    pools = {
        name: Pool(each)
        for name, each in _functions(resources, {**told, "PUBLIC_URL": info.broker_url}, options, folder).items()
    }
    for pool in pools.values():
        running.push_async_callback(pool.stop)
        await pool.start()
    # The emulator knows one function, by this name.
    await _site(running, invoke_app({"function": pools["BrokerFunction"], **pools}), ports.invoke)
    await _site(running, gateway_app(read_api(resources), pools), ports.broker)
    await _answers(f"{info.broker_url}/health")


def _functions(
    resources: Resources, told: dict[str, str], options: Options, folder: Path
) -> dict[str, list[Environment]]:
    """The environments of the template's functions, by logical id. All run from the one artifact.

    `told`: the variables that the deployment would fill in.
    """
    found = {}
    for name, resource in resources.items():
        if resource["Type"] == "AWS::Lambda::Function":
            function = Function.from_template(resource["Properties"], folder / "artifact")
            workers = options.workers if name == "BrokerFunction" else 1
            variables = {**aws.TEST_CREDENTIALS, **told}
            found[name] = environments(workers, function, folder, variables, name=name)
    return found


async def _process(running: AsyncExitStack, folder: Path, *arguments: str) -> None:
    """A Python process of our own that ends with us, whatever happens."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=end_with_parent,
    )
    running.push_async_callback(end, process)


async def _site(running: AsyncExitStack, app: web.Application, port: int) -> None:
    running.push_async_callback((await start_site(app, port)).cleanup)


async def _answers(url: str) -> None:
    """Wait until a GET is answered with 200. Raises TimeoutError."""
    async with asyncio.timeout(READY_SECONDS), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)


def _write(file: Path, info: StackInfo) -> None:
    """Whole or not at all, and for its owner alone: the Auth Secret is in it."""
    unfinished = file.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(asdict(info), out, indent=2)
    unfinished.replace(file)
