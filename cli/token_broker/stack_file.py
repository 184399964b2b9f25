"""Reads `.local/stack.json`, in which `make up` writes where the stack on this machine is."""

import json
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent
# The command may be installed elsewhere, and is then run in the checkout.
STACK_FILE = (CHECKOUT if (CHECKOUT / "template.yaml").exists() else Path()) / ".local" / "stack.json"
STACK_HELP = "stack.json of the stack; default: that of `make up`"


class NoStack(Exception):
    """The stack is not up."""


def read_stack(file: Path = STACK_FILE) -> dict[str, str]:
    """Read the members of stack.json. Raises NoStack; the message says what to do."""
    try:
        return dict(json.loads(file.read_text()))
    except (OSError, ValueError) as error:
        raise NoStack("the stack is not up; start it with `make up`") from error
