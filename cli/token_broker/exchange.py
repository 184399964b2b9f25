"""`token-broker exchange`: a caller JWT in, the broker's answer out."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
from broker.base.net import LOOPBACK

from token_broker import jwt
from token_broker.files import BadFile, read
from token_broker.scopes import unknown_scopes
from token_broker.stack_file import NoStack, read_stack


def register(parts: Any) -> None:
    parser = parts.add_parser("exchange", help="trade a caller JWT for a bearer token")
    parser.add_argument("--url", help="the broker; default: the local stack's")
    parser.add_argument(
        "--jwt", type=Path, metavar="FILE", help="a caller JWT, - reads it; default: one of the local issuer"
    )
    parser.add_argument("--scope", help="what to ask for, separated by spaces; default: all that the policy gives")
    parser.add_argument("--aud", help="for which part of Transloadit: api2 (default) or mcp")
    parser.add_argument("--credential", metavar="NAME", help="whose Auth Key, by its name in the policy")
    jwt.add_options(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    """Print the answer: to stdout if it is a token, else to stderr with exit status 1."""
    try:
        url = _check_url(arguments.url or read_stack(arguments.stack)["broker_url"])
        for mistake in unknown_scopes(arguments.scope or ""):
            raise ValueError(mistake)
        proof = _read_jwt(arguments)
        fields = {name: value for name in ("scope", "aud", "credential") if (value := getattr(arguments, name))}
        answer = urllib3.request(
            "POST",
            f"{url}/token",
            headers={"authorization": f"Bearer {proof}", "content-type": "application/x-www-form-urlencoded"},
            body=urlencode({"grant_type": "client_credentials", **fields}),
            redirect=False,
            retries=False,
            timeout=30,
        )
    except (BadFile, NoStack, OSError, ValueError, urllib3.exceptions.HTTPError) as error:
        sys.stderr.write(f"token-broker: {error}\n")
        return 2
    out = sys.stdout if answer.status == 200 else sys.stderr
    out.write(_pretty(answer.data.decode("utf-8", "replace")) + "\n")
    return 0 if answer.status == 200 else 1


def _check_url(url: str) -> str:
    """The broker's URL without a slash at its end. Raises ValueError if others could read the JWT on its way."""
    # URL parsers disagree about the host of `http://a\@127.0.0.1`. So use the parser of the library that sends.
    parts = urllib3.util.parse_url(url)
    host = (parts.host or "").strip("[]")
    if not (host and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))):
        raise ValueError(
            "--url must begin with https:// (http only for 127.0.0.1, localhost and ::1); nothing was sent"
        )
    return url.rstrip("/")


def _read_jwt(arguments: argparse.Namespace) -> str:
    """Read the caller JWT. It is never an argument, since every user of the machine can read arguments."""
    if arguments.jwt is None:
        return jwt.caller_jwt(arguments)
    return read(arguments.jwt, "--jwt names a file with a caller JWT").strip()


def _pretty(body: str) -> str:
    try:
        return json.dumps(json.loads(body), indent=2)
    except ValueError:
        return body
