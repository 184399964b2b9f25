"""`token-broker exchange`: a caller JWT in, the broker's answer out."""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from token_broker_client import TokenError
from token_broker_client.exchange import Exchange
from token_broker_client.origins import LOOPBACK, broker_origin
from token_broker_client.proof import Identity, Jwt
from token_broker_client.variables import BROKER_URL, find_identity

from token_broker import asking, jwt, terminal
from token_broker.files import read
from token_broker.stack_file import NoStack, read_stack


def register(parts: Any) -> None:
    parser = parts.add_parser("exchange", help="trade a caller JWT for a bearer token")
    asking.add_options(parser, f"{asking.URL}, else the local stack")
    parser.add_argument(
        "--jwt",
        type=Path,
        metavar="FILE",
        help="a caller JWT, - reads it; default: the identity of the environment, with the local stack its issuer's",
    )
    jwt.add_options(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    """Print the answer: to stdout if it is a token, else to stderr with exit status 1; 2: not asked. Raises BadFile."""
    try:
        origin = _find_origin(arguments)
        exchange = Exchange(origin, _identity(arguments, origin), asking.fields(arguments), time.time, time.sleep)
        token = exchange(tries=1)
    except (NoStack, OSError, ValueError) as error:
        terminal.complain(str(error))
        return 2
    except TokenError as error:
        if error.status is None:
            return asking.complain(error)
        terminal.write_json(_describe(error), sys.stderr)
        return 1
    terminal.write_json(token.answer, sys.stdout)
    return 0


def _find_origin(arguments: argparse.Namespace) -> str:
    """The broker's origin: of --url, of the environment, of the local stack. Raises TokenError."""
    if arguments.url:
        return broker_origin(arguments.url, "--url")
    if os.environ.get(BROKER_URL):
        return broker_origin(os.environ[BROKER_URL], BROKER_URL)
    try:
        return broker_origin(read_stack(arguments.stack)["broker_url"], str(arguments.stack))
    except NoStack as error:
        raise TokenError("bad_url", f"no broker: set {BROKER_URL} to its URL, or: {error}") from error


def _identity(arguments: argparse.Namespace, origin: str) -> Identity:
    """The identity of --jwt, of the environment, or of the local issuer. Raises TokenError.

    The JWT is never an argument, since every user of the machine can read arguments.
    """
    if arguments.jwt is not None:
        return Jwt("--jwt", lambda _: read(arguments.jwt, "--jwt names a file with a caller JWT"))
    local = Jwt("the local issuer", lambda _: jwt.caller_jwt(arguments))
    if not (arguments.url or os.environ.get(BROKER_URL)):
        return local
    try:
        return find_identity(os.environ)
    except TokenError as error:
        if error.code == "no_identity" and urlsplit(origin).hostname in LOOPBACK:
            return local
        raise


def _describe(error: TokenError) -> dict[str, Any]:
    """The refusal in the members of the broker's answer; the message says more than the broker's own."""
    known = {"request_id": error.request_id, "retry_after": error.retry_after}
    return {
        "error": error.code,
        "message": error.message,
        **{name: value for name, value in known.items() if value is not None},
    }
