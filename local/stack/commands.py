"""`up`, `demo` and `serve`, each with its exit status and its faults as one message."""

import os
import signal
import sys
import time
from pathlib import Path

from token_broker.files import BadFile
from token_broker.policy.document import PolicyErrors
from token_broker.stack_file import read_stack

from infra.sam import BuildFailed
from local.command import BadOption, say
from local.stack.control import STACK_FILE, describe, down, running
from local.stack.demo import Story, Surprise
from local.stack.inbox import Inbox
from local.stack.options import Options
from local.stack.up import NotStarted, serve_here, up

LOOK_SECONDS = 0.5  # between two looks into the folder of the demo


def run(command: str, folder: Path) -> int:
    """The exit status of `up`, `demo` or `serve` in this folder."""
    try:
        return _run(command, folder)
    except (BadFile, BadOption, NotStarted, BuildFailed, PolicyErrors, Surprise, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _run(command: str, folder: Path) -> int:
    options = Options.read(os.environ)
    if command == "serve":
        serve_here(options, folder)
        return 0
    # SIGTERM raises KeyboardInterrupt, as Ctrl-C does: then all that was started is stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        up(options, folder)
        if command == "demo":
            _demo(folder)
        else:
            describe(folder)
    except KeyboardInterrupt:
        say("\nstopped")
        return 0 if command == "demo" else 130
    return 0


def _demo(folder: Path) -> None:
    """Narrate one exchange, then keep the stack up until Ctrl-C, and make an Assembly of each file that is dropped."""
    try:
        Story(folder).tell()
        describe(folder)
        inbox = Inbox(folder / "inbox", read_stack(folder / STACK_FILE), say)
        say(f"Drop a file into {os.path.relpath(inbox.folder)}, and watch: it becomes an S3 event, and an Assembly.")
        say("The stack keeps serving; Ctrl-C stops it.")
        while running(folder):
            inbox.look()
            time.sleep(LOOK_SECONDS)
        say("the stack has ended; its log says why")
    finally:
        down(folder)
