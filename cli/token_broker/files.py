"""Reads a file that a person names, or says why it cannot be read and what to do."""

import sys
from pathlib import Path


class BadFile(Exception):
    """The file cannot be read; the message says why, and which option names the file."""


def read(file: Path, use: str) -> str:
    """Read the text of `file`; `-` is standard input. Raises BadFile.

    `use` says which option names the file, such as "POLICY names the trust policy".
    """
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except FileNotFoundError:
        raise BadFile(f"no file {file}; {use}") from None
    except OSError as error:
        raise BadFile(f"{file} cannot be read ({error.strerror}); {use}") from None
    except UnicodeError:
        raise BadFile(f"{file} is not a text in UTF-8; {use}") from None
