"""What the commands of this folder share: make's variables read, and lines for the person at the terminal."""

import sys
from collections.abc import Mapping


class BadOption(Exception):
    """An option that cannot be used; the message says what to do."""


def read_number(environment: Mapping[str, str], name: str, default: int, highest: int, lowest: int = 0) -> int:
    """A whole number from make's variables. Raises BadOption."""
    text = environment.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and lowest <= int(text) <= highest):
        raise BadOption(f"{name}={text}: write a whole number from {lowest} to {highest}")
    return int(text)


def say(line: str = "") -> None:
    """Write a line to standard output at once, also when it is a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
