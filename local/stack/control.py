"""Finds, describes and stops the stack that runs in a folder.

`make down` needs only this module. It imports nothing that is slow to load.
"""

import fcntl
import os
import signal
import time
from pathlib import Path

from token_broker.stack_file import read_stack

from local.command import say

STACK_FILE = "stack.json"
LOCK = "supervisor.lock"  # held by the supervisor as long as it lives; its process id is in it


def running(folder: Path) -> int | None:
    """The supervisor's process id, or None if no supervisor holds the lock."""
    try:
        with (folder / LOCK).open("r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(lock.read() or 0) or None
    except FileNotFoundError:
        pass
    return None


def down(folder: Path) -> bool:
    """Stop the stack and wait until it has ended. Returns whether one was running."""
    pid = running(folder)
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    ends_at = time.time() + 15
    while running(folder) and time.time() < ends_at:
        time.sleep(0.05)
    if running(folder):
        os.kill(pid, signal.SIGKILL)
    (folder / STACK_FILE).unlink(missing_ok=True)
    return True


def describe(folder: Path) -> None:
    """Print the addresses of the parts, and the commands of a first exchange."""
    stack = read_stack(folder / STACK_FILE)
    say()
    for title, member in (
        ("page", "site_url"),
        ("broker", "broker_url"),
        ("api2", "api2_url"),
        ("issuer", "issuer_url"),
        ("logs", "log_dir"),
    ):
        say(f"  {title:<8}{stack[member]}")
    say()
    say("  JWT=$(.venv/bin/token-broker jwt)")
    say(f'  curl {stack["broker_url"]}/token -H "Authorization: Bearer $JWT" -d grant_type=client_credentials')
    say(f'  curl "{stack["api2_url"]}/assemblies" -H "Authorization: Bearer <the access_token>"')
    say()
