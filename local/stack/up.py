"""`up` checks and builds everything, then starts the supervisor as a process of its own; `serve` is that process."""

import asyncio
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from broker.policy.model import DEFAULT_CREDENTIAL
from token_broker.stack_file import NoStack, read_stack

from infra.sam import ROOT
from local.command import BadOption, say
from local.loopback.processes import hold_interrupts
from local.stack import artifact
from local.stack.control import LOCK, STACK_FILE, down, running
from local.stack.options import Options, Ports
from local.stack.plan import StackInfo, compiled, plan, write_plan
from local.stack.site import built_site, lay_site
from local.stack.supervisor import READY_SECONDS, serve
from local.stack.workspace import name_workspace

_UP_LOCK = "up.lock"  # held by `up`: of two that run at once, one would run the plan of the other


class NotStarted(Exception):
    """The stack did not start; the message says which log has the reason."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that can be made while the previous stack still runs."""

    info: StackInfo
    policy: bytes
    artifact: Path
    site: Path


def prepare(options: Options, folder: Path) -> Prepared:
    """Find every fault before anything is started or stopped. Raises BadOption, BadFile, PolicyErrors, BuildFailed."""
    info = plan(options, Ports.choose(options.first_port, ours=_read_own_ports(folder)), folder)
    found = compiled(info)
    if options.upstream:
        _say_missing(found.policy.credentials)
    info = replace(info, workspace=name_workspace(found.policy))
    return Prepared(info, found.data, artifact.built(ROOT / ".local"), built_site(ROOT / ".local"))


def _say_missing(credentials: Iterable[str]) -> None:
    """Name the credentials of the policy that have no Auth Key at another upstream."""
    if missing := sorted({*credentials} - {DEFAULT_CREDENTIAL}):
        say(f"TRANSLOADIT_KEY is the Auth Key of the credential `{DEFAULT_CREDENTIAL}`. No other one is known for")
        say(f"UPSTREAM, so requests with a credential of these are answered with server_error: {', '.join(missing)}")


def _read_own_ports(folder: Path) -> set[int]:
    """The ports of the stack that runs in this folder."""
    try:
        stack = read_stack(folder / STACK_FILE)
    except NoStack:
        return set()
    urls = [url for name, url in stack.items() if name.endswith("_url")]
    return {port for url in urls if (port := urlsplit(url).port)} if running(folder) else set()


def up(options: Options, folder: Path) -> subprocess.Popen[bytes]:
    """Start the stack in the background and wait until it is ready. Raises as `prepare` does, and NotStarted.

    A running stack is stopped only after the new one has been checked and built.
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
    lay_site(prepared.site, folder / "site")
    say("starting the stack")
    supervisor = None
    try:
        with hold_interrupts():
            supervisor = start(prepared.info, folder)
        _await_ready(supervisor, folder)
    except BaseException:
        if supervisor is not None:
            supervisor.terminate()
            supervisor.wait()
        raise
    return supervisor


def start(info: StackInfo, folder: Path) -> subprocess.Popen[bytes]:
    """Start the supervisor in a session of its own, so that Ctrl-C in this terminal does not reach it."""
    # The logs name callers and their rules. Other users of this machine must not read them.
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
    """Run the supervisor in this process. Raises BadOption if another one runs in this folder."""
    with (folder / LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadOption("a stack is running here already; `make down` stops it") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        asyncio.run(serve(options, folder))
