"""`token-broker headers`: the header that carries a bearer token, as a headers helper of MCP clients prints it."""

import argparse
import json
import sys
from typing import Any

from token_broker_client import TokenError

from token_broker import asking, terminal


def register(parts: Any) -> None:
    parser = parts.add_parser("headers", help='print {"Authorization": "Bearer …"} for an MCP client')
    asking.add_options(parser)
    parser.add_argument("--show", action="store_true", help="print it on a terminal, too, where others may read it")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    """0: printed, and nothing else is; 1: refused; 2: not asked."""
    # A token on a screen ends up in recordings and screen shots, and lives for hours.
    if sys.stdout.isatty() and not arguments.show:
        terminal.complain(
            "this prints a bearer token, and a terminal shows it to others; name this command as the headers helper "
            "of your MCP client, or add --show"
        )
        return 2
    try:
        headers = asking.provider(arguments).headers()
    except TokenError as error:
        return asking.complain(error)
    sys.stdout.write(json.dumps(headers) + "\n")
    return 0
