"""What `exec`, `headers` and `exchange` share: the options of a token request, and the words of its failure."""

import argparse
import time

from token_broker_client import TokenError, TokenProvider
from token_broker_client.origins import broker_origin

from token_broker import terminal
from token_broker.scopes import unknown_scopes

URL = "the broker; default: the variable TRANSLOADIT_BROKER_URL"


def add_options(parser: argparse.ArgumentParser, url: str = URL) -> None:
    parser.add_argument("--url", help=url)
    parser.add_argument("--scope", help="what to ask for, separated by spaces; default: all that the policy gives")
    parser.add_argument("--aud", choices=["api2", "mcp"], help="for which part of Transloadit; default: api2")
    parser.add_argument("--credential", metavar="NAME", help="whose Auth Key, by its name in the policy")


def fields(arguments: argparse.Namespace) -> dict[str, str]:
    """The fields of the request, as far as options name them. Raises TokenError for a scope that Transloadit lacks."""
    for mistake in unknown_scopes(arguments.scope or ""):
        raise TokenError("invalid_scope", f"{mistake}; nothing was sent")
    return {name: value for name in ("scope", "aud", "credential") if (value := getattr(arguments, name))}


def provider(arguments: argparse.Namespace) -> TokenProvider:
    """The provider of these options, with the identity of the environment. Raises TokenError."""
    asked = fields(arguments)
    url = broker_origin(arguments.url, "--url") if arguments.url else None
    return TokenProvider(
        url, scope=asked.get("scope"), aud=asked.get("aud", "api2"), credential=asked.get("credential"), sleep=_wait
    )


def _wait(seconds: float) -> None:
    terminal.complain(f"the broker is busy; asking again in {seconds:.0f} seconds")
    time.sleep(seconds)


def complain(error: TokenError, otherwise: int = 2) -> int:
    """Write the error. Returns the exit status: 1 if the broker refused, `otherwise` if it could not be asked."""
    terminal.complain(str(error))
    return otherwise if error.status is None else 1
