"""`up` and `serve`: everything checked and built, then the supervisor started as a process of its own."""

import asyncio
import fcntl
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from token_broker.stack_file import NoStack, read_stack

from infra.sam import ROOT
from local.command import BadOption, say
from local.loopback.processes import interrupts_held
from local.stack import artifact
from local.stack.control import LOCK, STACK_FILE, down, running
from local.stack.options import Options, Ports
from local.stack.plan import StackInfo, compiled, plan, write_plan
from local.stack.supervisor import READY_SECONDS, serve

_UP_LOCK = "up.lock"  # held by `up`: of two at once one would run the other's plan


class NotStarted(Exception):
    """The stack did not come up; the message says where to look."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that can be made while another stack still runs."""

    info: StackInfo
    policy: bytes
    artifact: Path


def prepare(options: Options, folder: Path) -> Prepared:
    """Everything that can be wrong before anything runs. Raises BadOption, BadFile, PolicyErrors, BuildFailed."""
    info = plan(options, Ports.choose(options.first_port, ours=_ports(folder)), folder)
    return Prepared(info, compiled(info), artifact.built(ROOT / ".local"))


def _ports(folder: Path) -> set[int]:
    """Those of the stack that runs here."""
    try:
        stack = read_stack(folder / STACK_FILE)
    except NoStack:
        return set()
    urls = [url for name, url in stack.items() if name.endswith("_url")]
    return {port for url in urls if (port := urlsplit(url).port)} if running(folder) else set()


def up(options: Options, folder: Path) -> subprocess.Popen[bytes]:
    """The stack in the background, ready when this returns. Raises as `prepare` does, and NotStarted.

    A stack that runs already is stopped only once nothing is wrong with the new one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _UP_LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _up(options, folder)


def _up(options: Options, folder: Path) -> subprocess.Popen[bytes]:
    prepared = prepare(options, folder)
    if running(folder):
        say("the stack is up already; stopping it first")
        down(folder)
    artifact.lay_over(prepared.artifact, prepared.policy, folder / "artifact")
    say("starting the stack")
    supervisor = None
    try:
        with interrupts_held():
            supervisor = start(prepared.info, folder)
        _await_ready(supervisor, folder)
    except BaseException:
        if supervisor is not None:
            supervisor.terminate()
            supervisor.wait()
        raise
    return supervisor


def start(info: StackInfo, folder: Path) -> subprocess.Popen[bytes]:
    """The supervisor as a process of its own session, so that a Ctrl-C here does not reach it."""
    # Other users of this machine have no business with who called whom.
    (folder / "log").mkdir(exist_ok=True)
    (folder / "log").chmod(0o700)
    (folder / STACK_FILE).unlink(missing_ok=True)
    write_plan(info, folder)
    with (folder / "log" / "stack.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "local", "serve", "--directory", folder],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _await_ready(supervisor: subprocess.Popen[bytes], folder: Path) -> None:
    ends_at = time.time() + READY_SECONDS
    while time.time() < ends_at:
        if (folder / STACK_FILE).exists():
            return
        if supervisor.poll() is not None:
            break
        time.sleep(0.05)
    raise NotStarted(f"the stack did not start; {folder / 'log' / 'stack.log'} says why")


def serve_here(options: Options, folder: Path) -> None:
    """The supervisor itself. Raises BadOption where another one runs in this folder."""
    with (folder / LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadOption("a stack is running here already; `make down` stops it") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        asyncio.run(serve(options, folder))
