"""`token-broker completion`: the script by which a shell completes this command."""

import argparse
import sys
from typing import Any

SHELLS = ("bash", "zsh", "tcsh")


def register(parts: Any, whole: argparse.ArgumentParser) -> None:
    parser = parts.add_parser(
        "completion",
        help="print a shell's completion of this command",
        epilog='For bash: `eval "$(token-broker completion bash)"` in ~/.bashrc.',
    )
    parser.add_argument("shell", choices=SHELLS, help="for which shell")
    parser.set_defaults(run=lambda arguments: _run(whole, arguments.shell))


def _run(whole: argparse.ArgumentParser, shell: str) -> int:
    # Imported here, since no other command needs it.
    import shtab

    sys.stdout.write(shtab.complete(whole, shell) + "\n")
    return 0
