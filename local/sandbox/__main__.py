"""`make sandbox`: the sandbox alone, until Ctrl-C. Make's variables PORT and SANDBOX come by the environment."""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from broker.policy.scopes import SCOPES
from token_broker.files import BadFile, read
from token_broker.policy.document import PolicyErrors

from infra.sam import ROOT
from local.command import BadOption, read_number, say
from local.loopback.processes import is_free
from local.loopback.sites import start_site
from local.sandbox.app import create_app
from local.sandbox.config import read_config
from local.sandbox.model import AuthKey, Settings

_PORT = 3002  # `make up` serves the sandbox there as well


def main() -> int:
    try:
        port = read_number(os.environ, "PORT", _PORT, 65_535, lowest=1)
        file = Path(os.environ.get("SANDBOX") or ROOT / "local/sandbox.yaml")
        keys, settings = read_config(read(file, "SANDBOX names the sandbox's file"), str(file))
        asyncio.run(_serve(keys, settings, port))
    except (BadFile, BadOption, PolicyErrors, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


async def _serve(keys: list[AuthKey], settings: Settings, port: int) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    if not is_free(port):
        raise BadOption(f"port {port} is busy; choose another one with PORT=4102")
    runner = await start_site(create_app(keys, settings=settings), port)
    _describe(keys, port)
    await stop.wait()
    await runner.cleanup()


def _describe(keys: list[AuthKey], port: int) -> None:
    """Print the variables to copy. They have the names that Transloadit's own tools read."""
    say(f"The api2 sandbox answers at http://127.0.0.1:{port}; Ctrl-C stops it.")
    for key in keys:
        say()
        scopes = "all scopes" if key.scopes == SCOPES else " ".join(key.scopes)
        say(f"  Workspace {key.workspace}, {scopes}")
        say(f"    export TRANSLOADIT_ENDPOINT=http://127.0.0.1:{port}")
        say(f"    export TRANSLOADIT_KEY={key.key} TRANSLOADIT_SECRET={key.secret}")
    say()


if __name__ == "__main__":
    sys.exit(main())
