"""python -m local up | down | demo | serve: the stack on one machine. Make's variables come by the environment."""

import argparse
import sys
from pathlib import Path

from infra.sam import ROOT
from local.command import say
from local.stack.control import down


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("command", choices=["up", "down", "demo", "serve"])
    parser.add_argument("--directory", type=Path, default=ROOT / ".local")
    arguments = parser.parse_args()
    folder = arguments.directory.resolve()
    try:
        if arguments.command != "down":
            # Imported here: it loads the whole stack, which takes seconds, and `down` needs none of it.
            from local.stack.commands import run

            return run(arguments.command, folder)
        say("the stack is down" if down(folder) else "no stack is up")
    except KeyboardInterrupt:
        # In those seconds nothing has started that would have to be stopped.
        say("\nstopped")
        return 130
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
