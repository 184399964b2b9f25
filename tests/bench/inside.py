"""Calls a handler in a loop, in a process and on a core of its own: `python -m tests.bench.inside module.handler LOG`.

Imports nothing but the standard library, the runtime and the artifact. Standard input says what to do, a line of JSON
each: `{"name", "events"}` keeps events under a name, `{"run", "times", "status"}` calls the handler so often with them
in turn and tells `{"seconds", "resident"}`: the processor time that it took, and the process's memory then, in bytes.
"""

import importlib
import itertools
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from awslambdaric.bootstrap import Unbuffered

from local.emulator.worker import Context

Handler = Callable[[Any, Context], Any]


def run(handler: Handler, events: list[Any], times: int, status: int) -> float:
    """Seconds of processor time for so many calls. Raises ValueError when one is answered with another status."""
    context = Context(900)
    calls = list(itertools.islice(itertools.cycle(events), times))
    started = time.process_time()
    for event in calls:
        answer = handler(event, context)
        if answer["statusCode"] != status:
            raise ValueError(answer)
    return time.process_time() - started


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main(target: str, log: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    # What the handler prints is written as on Lambda, each write by itself.
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
    sys.stdout = Unbuffered(sys.stdout)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    module, _, name = target.rpartition(".")
    handler: Handler = getattr(importlib.import_module(module), name)
    kept: dict[str, list[Any]] = {}
    for line in sys.stdin:
        order = json.loads(line)
        if "events" in order:
            kept[order["name"]] = order["events"]
            continue
        seconds = run(handler, kept[order["run"]], order["times"], order["status"])
        answers.write(json.dumps({"seconds": seconds, "resident": resident()}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
