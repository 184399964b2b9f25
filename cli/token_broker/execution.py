"""`token-broker exec`: a command with a bearer token in its environment, and with no other secret of Transloadit."""

import argparse
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

from token_broker_client import TokenError
from token_broker_client.origins import ENDPOINT
from token_broker_client.variables import IDENTITY_VARIABLES

from token_broker import asking, terminal

TOKEN = "TRANSLOADIT_AUTH_TOKEN"  # noqa: S105 - the name of the variable that Transloadit's own tools read
# The command has a token in place of these. One of them would be used before it, or could get more than it allows.
TAKEN_OUT = (
    "TRANSLOADIT_KEY",
    "TRANSLOADIT_SECRET",
    "TRANSLOADIT_AUTH_KEY",
    "TRANSLOADIT_AUTH_SECRET",
    *IDENTITY_VARIABLES,
)
# As `env` and `timeout` have it: a failure of their own, a command that cannot be run, one that is not there.
NO_TOKEN, NOT_RUN, NOT_FOUND = 125, 126, 127


def register(parts: Any) -> None:
    parser = parts.add_parser(
        "exec",
        help="run a command with a bearer token in TRANSLOADIT_AUTH_TOKEN",
        epilog="Exit status: the command's own; 125 if there is no token, 126 if the command cannot be run, 127 if it "
        "is not found.",
    )
    asking.add_options(parser)
    parser.add_argument("command", nargs="+", metavar="COMMAND", help="after `--`: the command and its arguments")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    """Become the command. Returns an exit status only if it cannot be run."""
    try:
        provider = asking.provider(arguments)
        token = provider()
    except TokenError as error:
        asking.complain(error)
        return NO_TOKEN
    variables, taken = make_environment(os.environ, token, provider.auth.origin)
    if taken:
        terminal.complain(f"without {', '.join(taken)}, the command has a bearer token alone")
    sys.stderr.flush()
    # Python ignores these two, and what is ignored stays so in the command: `yes | head` in it would not end.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        # The command takes this process's place, so that signals and the exit status are its own.
        os.execvpe(arguments.command[0], arguments.command, variables)  # noqa: S606 - a list, without a shell
    except OSError as error:
        is_absent = isinstance(error, FileNotFoundError)
        terminal.complain(f"{arguments.command[0]}: {error.strerror}; is it installed here?")
        return NOT_FOUND if is_absent else NOT_RUN


def make_environment(environ: Mapping[str, str], token: str, endpoint: str) -> tuple[dict[str, str], list[str]]:
    """The environment of the command, and the names of what was taken out of it.

    The endpoint is always set: a `.env` of the working folder, which Transloadit's command line reads, could name
    another one and so send the token there.
    """
    taken = [name for name in TAKEN_OUT if environ.get(name)]
    kept = {name: value for name, value in environ.items() if name not in TAKEN_OUT}
    return {**kept, TOKEN: token, ENDPOINT: endpoint}, taken
