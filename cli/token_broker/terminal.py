"""What a person at a terminal sees: colours and tables there, plain lines where a program reads."""

import json
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple, TextIO


class Row(NamedTuple):
    """A problem of a file: `level` is error or warning, `place` its line and column."""

    level: str
    place: str
    text: str


def write_problems(rows: Sequence[Row]) -> None:
    """Write the problems to stderr: a table on a terminal, else a line each."""
    if not rows:
        return
    if not sys.stderr.isatty():
        for row in rows:
            sys.stderr.write(f"{row.place}: {row.level}: {row.text}\n")
        return
    # Imported here: it takes longer to load than a plain line to write.
    from rich.table import Table
    from rich.text import Text

    table = Table("level", "place", "problem", show_lines=True)
    for row in rows:
        table.add_row(
            Text(row.level, "bold red" if row.level == "error" else "yellow"), Text(row.place), Text(row.text)
        )
    _console(sys.stderr).print(table)


def write_json(value: Any, out: TextIO) -> None:
    """Write a JSON value, with colours on a terminal."""
    text = json.dumps(value, indent=2)
    if out.isatty():
        _console(out).print_json(text)
    else:
        out.write(text + "\n")


def complain(text: str) -> None:
    """Write a message to stderr, the command's name in red on a terminal."""
    if sys.stderr.isatty():
        from rich.text import Text

        _console(sys.stderr).print(Text.assemble(("token-broker: ", "bold red"), text), soft_wrap=True)
    else:
        sys.stderr.write(f"token-broker: {text}\n")


def _console(out: TextIO) -> Any:
    from rich.console import Console

    return Console(file=out)
