"""`make docs`: photographs the demo page on a running stack, for docs/frontends.md.

python -m tests.browser.pictures docs/frontends
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from infra.sam import ROOT
from tests.kit.node import node_tools
from tests.kit.stacks import running_stack
from tests.kit.visitors import FOLDER, Visitor, visiting

UPPY = ".uppy-Dashboard-input"
# Width and height of each picture.
SIZES = {"wall": (1000, 1180), "login": (640, 720), "refused": (390, 720)}


def photograph(visitor: Visitor, page: str, target: Path) -> None:
    """Write the pictures into a folder."""

    def enter(person: str, shot: str, **window: Any) -> None:
        width, height = SIZES[shot]
        visitor.open(page, width=width, height=height, **window)
        visitor.click("Sign in")
        visitor.see("Go on as")
        if shot != "login":
            visitor.click(person)
            visitor.see(f"Hello, {person}.")

    enter("", "login")
    visitor.photograph(target / "login.png")
    enter("Vera", "wall")
    visitor.choose(UPPY, FOLDER / "sunset.png", FOLDER / "night.png")
    visitor.click("Upload 2 files")
    visitor.see_pictures(2)
    visitor.see("Upload complete")
    visitor.photograph(target / "wall.png")
    enter("Mallory", "refused", dark=True)
    visitor.choose(UPPY, FOLDER / "sunset.png")
    visitor.click("Upload 1 file")
    visitor.see("You may not do this here.")
    visitor.photograph(target / "refused.png")


def main(target: Path) -> None:
    node_tools()  # the stack builds the page with the Node that it finds
    with (
        TemporaryDirectory() as folder,
        running_stack(Path(folder), ROOT / "local/policy.yaml") as stack,
        visiting() as visitor,
    ):
        photograph(visitor, f"{stack.stack['site_url']}/", target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
