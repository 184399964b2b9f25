"""Annotations of GitHub Actions: lines that the runner shows beside a file's line.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""


def annotate(level: str, file: str, line: int, column: int, message: str) -> str:
    """The line for a message at this place. `level`: error, warning or notice."""
    return f"::{level} file={file},line={line},col={column}::{escape(message)}\n"


def escape(text: str) -> str:
    """The text on one line: a second one could be another command to the runner."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
