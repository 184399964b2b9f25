"""A file that a person names: its text, or what to do where it has none."""

import sys
from pathlib import Path


class BadFile(Exception):
    """The file cannot be read; the message says why, and what names it."""


def read(file: Path, use: str) -> str:
    """The text of `file`; `-` is standard input. Raises BadFile.

    `use` says what names it, such as "POLICY names the trust policy".
    """
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except FileNotFoundError:
        raise BadFile(f"no file {file}; {use}") from None
    except OSError as error:
        raise BadFile(f"{file} cannot be read ({error.strerror}); {use}") from None
    except UnicodeError:
        raise BadFile(f"{file} is no text in UTF-8; {use}") from None
