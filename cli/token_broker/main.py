"""token-broker: the command for people."""

import argparse
import re
import sys
from typing import NoReturn

from broker import __version__

from token_broker import completion, exchange, execution, headers, jwt, secret, terminal
from token_broker.deployment import Unreadable
from token_broker.files import BadFile
from token_broker.names import nearest
from token_broker.policy import commands


class Parser(argparse.ArgumentParser):
    """Refuses a mistyped command or option, and suggests the nearest one."""

    def error(self, message: str) -> NoReturn:
        typed = re.search(r"invalid choice: '([^']*)'|unrecognized arguments: (\S+)", message)
        near = nearest(typed[1] or typed[2], self._words()) if typed else None
        super().error(f"{message}; did you mean {near}?" if near else message)

    def _words(self) -> set[str]:
        """All options and choices, with those of the subcommands: argparse reports their unknown options here."""
        words: set[str] = set()
        for action in self._actions:
            words |= {*action.option_strings, *map(str, action.choices or ())}
            if isinstance(action, argparse._SubParsersAction):
                words = words.union(*(part._words() for part in action.choices.values()))
        return words


def parser() -> Parser:
    """Make the parser of the whole command line."""
    whole = Parser(prog="token-broker", description=__doc__)
    whole.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parts = whole.add_subparsers(required=True, metavar="COMMAND")
    commands.register(parts)
    jwt.register(parts)
    exchange.register(parts)
    execution.register(parts)
    headers.register(parts)
    secret.register(parts)
    completion.register(parts, whole)
    return whole


def main() -> None:
    """Run a subcommand and exit with its status: 0 good, 1 refused or wrong, 2 could not be done."""
    arguments = parser().parse_args()
    try:
        sys.exit(arguments.run(arguments))
    except (BadFile, Unreadable) as error:
        terminal.complain(str(error))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
