"""One environment: the emulator's process, or a plain worker process on machines that cannot run the emulator."""

import asyncio
import importlib.util
import json
import os
import platform
import shutil
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from infra.sam import SAM
from local.emulator.pool import INVOKE_PATH, LOG, Environment, Outcome
from local.loopback.processes import end_with_parent, free_ports, hidden_address

START_SECONDS = 20.0
_MAX_LINE = 2**24  # bytes of a worker's answer: more than the 6 MB that Lambda returns
# The modules that Lambda's runtime provides. The artifact must contain all others.
_RUNTIME_MODULES = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the translated template, and the artifact with its code. `timeout` in seconds, `memory` in MB."""

    artifact: Path
    handler: str
    timeout: int
    memory: int
    variables: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_template(cls, properties: Mapping[str, Any], artifact: Path) -> "Function":
        variables = properties.get("Environment", {}).get("Variables", {})
        return cls(artifact, properties["Handler"], properties["Timeout"], int(properties["MemorySize"]), variables)


def environments(
    count: int,
    function: Function,
    folder: Path,
    variables: Mapping[str, str],
    *,
    name: str = "function",
    plain: bool = False,
) -> list[Environment]:
    """Make `count` environments of a function, which write their logs to `folder`/log.

    `plain` demands plain worker processes even where the emulator can run.
    """
    runtime = link_runtime_modules(folder / "runtime")
    logs = [folder / "log" / f"{name}-{number}.log" for number in range(1, count + 1)]
    logs[0].parent.mkdir(parents=True, exist_ok=True)
    binary = None if plain else _copy_emulator(folder)
    if binary is None:
        LOG.warning("no emulator: plain worker processes take the events")
        return [WorkerEnvironment(function, runtime, variables, log) for log in logs]
    return [EmulatedEnvironment(binary, function, runtime, variables, log) for log in logs]


class _ProcessEnvironment:
    """The common part of both kinds: one process, the processes that it starts, and its log."""

    def __init__(self, function: Function, runtime: Path, variables: Mapping[str, str], log: Path) -> None:
        self._function = function
        self._variables = {**make_variables(function, runtime, log.stem), **variables}
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def _execute(self, *command: str | Path, is_piped: bool = False) -> asyncio.subprocess.Process:
        """Start the environment's process. `is_piped`: we write its standard input and read its standard output."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                cwd=self._function.artifact,
                env=self._variables,
                stdin=asyncio.subprocess.PIPE if is_piped else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if is_piped else log,
                stderr=log,
                limit=_MAX_LINE,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        return self._process

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def stop(self) -> None:
        if self._process is not None:
            # The whole process group: the emulator's runtime is a child of the emulator.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()


class EmulatedEnvironment(_ProcessEnvironment):
    """One Runtime Interface Emulator with its runtime."""

    def __init__(
        self, binary: Path, function: Function, runtime: Path, variables: Mapping[str, str], log: Path
    ) -> None:
        super().__init__(function, runtime, variables, log)
        self._binary = binary
        self._ports = free_ports(2)
        self._session: aiohttp.ClientSession | None = None
        self._url = ""

    async def start(self) -> None:
        host, (port, api_port) = hidden_address(), self._ports
        self._url = f"http://{host}:{port}{INVOKE_PATH}"
        process = await self._execute(
            self._binary,
            *("--runtime-interface-emulator-address", f"{host}:{port}"),
            *("--runtime-api-address", f"{host}:{api_port}"),
            # -S: only the artifact and the runtime's own modules can be imported.
            *(sys.executable, "-S", "-m", "awslambdaric", self._function.handler),
        )
        timeout = aiohttp.ClientTimeout(total=self._function.timeout + 30)
        self._session = aiohttp.ClientSession(timeout=timeout)
        await _wait_for_port(host, port, process)

    async def invoke(self, event: bytes) -> Outcome:
        assert self._session is not None
        try:
            async with self._session.post(self._url, data=event) as answer:
                return read_answer(answer.status, await answer.read())
        except (aiohttp.ClientError, TimeoutError):
            # asyncio may notice a moment later that the process ended, so make sure that the pool replaces it.
            await self.stop()
            return _make_failure("Runtime.ExitError", "the environment exited")

    async def stop(self) -> None:
        if self._session is not None:
            await self._session.close()
        await super().stop()


class WorkerEnvironment(_ProcessEnvironment):
    """A plain process that calls the handler: for machines on which the emulator's binary cannot run."""

    async def start(self) -> None:
        await self._execute(
            *(sys.executable, "-S", Path(__file__).with_name("worker.py")),
            *(self._function.handler, str(self._function.timeout)),
            is_piped=True,
        )

    async def invoke(self, event: bytes) -> Outcome:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(json.loads(event)).encode() + b"\n")
            line = await asyncio.wait_for(self._process.stdout.readline(), self._function.timeout)
        except TimeoutError:
            await self.stop()
            return _make_failure("Sandbox.Timedout", f"Task timed out after {self._function.timeout:.2f} seconds")
        except OSError:
            line = b""
        if not line:
            await self.stop()
            return _make_failure("Runtime.ExitError", "the environment exited")
        return read_answer(200, line.rstrip(b"\n"))


def read_answer(status: int, body: bytes) -> Outcome:
    """Translate an answer of the emulator into the outcome that AWS reports."""
    if status != 200:
        return _make_failure("Runtime.ExitError", "the environment exited")
    if b"Task timed out after" in body and not body.startswith(b"{"):
        return _make_failure("Sandbox.Timedout", body.decode("utf-8", "replace"))
    try:
        value = json.loads(body)
    except ValueError:
        return Outcome(body, failed=False)
    # Only the shape of the answer shows that the handler raised an exception.
    is_error = isinstance(value, dict) and {"errorType", "errorMessage"} <= value.keys() and "statusCode" not in value
    return Outcome(body, failed=is_error)


def _make_failure(kind: str, message: str) -> Outcome:
    return Outcome(json.dumps({"errorType": kind, "errorMessage": message}).encode(), failed=True)


def make_variables(function: Function, runtime: Path, stream: str) -> dict[str, str]:
    """The environment variables of a function. Nothing of our own environment is passed on.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
    """
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PYTHONPATH": f"{function.artifact}:{runtime}",
        "LAMBDA_TASK_ROOT": str(function.artifact),
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_LAMBDA_LOG_LEVEL": "INFO",
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        **function.variables,
    }


def link_runtime_modules(folder: Path) -> Path:
    """Make a folder that holds links to the runtime's own modules and to nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in _RUNTIME_MODULES:
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None:
            continue  # awslambdaric exists on Linux only; plain workers do not need it
        source = Path(found.origin).parent if found.submodule_search_locations else Path(found.origin)
        with suppress(FileExistsError):
            (folder / source.name).symlink_to(source)
    return folder


def _copy_emulator(folder: Path) -> Path | None:
    """A runnable copy of the emulator for this machine, or None if there is no emulator for it."""
    machine = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine())
    # The wheel of the SAM CLI holds it.
    source = next(
        SAM.resolve().parents[1].glob(f"lib/*/site-packages/samcli/local/rapid/aws-lambda-rie-{machine}"), None
    )
    if sys.platform != "linux" or source is None:
        return None
    copy = folder / "aws-lambda-rie"
    if not copy.exists():
        shutil.copy(source, copy)
        copy.chmod(0o755)
    return copy


async def _wait_for_port(host: str, port: int, process: asyncio.subprocess.Process) -> None:
    """Wait until something listens on the port. Raises RuntimeError."""
    ends_at = asyncio.get_running_loop().time() + START_SECONDS
    while asyncio.get_running_loop().time() < ends_at and process.returncode is None:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            await writer.wait_closed()
            return
    raise RuntimeError("the emulator did not start; see its log")
