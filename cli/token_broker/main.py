"""token-broker: the command for people."""

import argparse
import sys

from token_broker import exchange, jwt, secret
from token_broker.policy import commands


def main() -> None:
    """Runs a subcommand; exits with its status: 0 good, 1 refused or wrong, 2 could not be done."""
    parser = argparse.ArgumentParser(prog="token-broker", description=__doc__)
    parts = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.register(parts)
    jwt.register(parts)
    exchange.register(parts)
    secret.register(parts)
    arguments = parser.parse_args()
    try:
        sys.exit(arguments.run(arguments))
    except KeyboardInterrupt:
        sys.exit(130)
