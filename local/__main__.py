"""python -m local up | down | demo | serve: the stack on one machine. Make's variables come by the environment."""

import argparse
import os
import signal
import sys
from pathlib import Path

from token_broker.files import BadFile
from token_broker.policy.document import PolicyErrors

from infra.sam import ROOT, BuildFailed
from local.report import say
from local.stack.control import NotStarted, describe, down, running, serve_here, up
from local.stack.demo import Story, Surprise
from local.stack.options import BadOption, Options


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("command", choices=["up", "down", "demo", "serve"])
    parser.add_argument("--directory", type=Path, default=ROOT / ".local")
    arguments = parser.parse_args()
    folder = arguments.directory.resolve()
    try:
        return _run(arguments.command, folder)
    except (BadFile, BadOption, NotStarted, BuildFailed, PolicyErrors, Surprise, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _run(command: str, folder: Path) -> int:
    if command == "down":
        say("the stack is down" if down(folder) else "no stack is up")
        return 0
    options = Options.read(os.environ)
    if command == "serve":
        serve_here(options, folder)
        return 0
    # Like Ctrl-C, so that what was started is stopped.
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
    """The story, then the stack as long as somebody wants it."""
    try:
        Story(folder).tell()
        describe(folder)
        say("The stack keeps serving; Ctrl-C stops it.")
        while running(folder):
            signal.sigtimedwait([], 1) if hasattr(signal, "sigtimedwait") else signal.pause()
        say("the stack has ended; its log says why")
    finally:
        down(folder)


if __name__ == "__main__":
    sys.exit(main())
