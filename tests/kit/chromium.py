"""Chromium for tests: the machine's, else Debian's package. Playwright drives it."""

import fcntl
import os
import shutil
import subprocess

from infra.sam import ROOT
from tests.kit.node import Script, node_for
from tests.kit.official import FOLDER

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_HELP = "Chromium is needed: install it (Debian: `apt-get install chromium`), then run this again."


def browser(*names: str) -> Script:
    """Opens pages and runs their `window.run`. `names`: what it resolves, as `MAP name[:port] address[:port]`."""
    return Script(node_for(FOLDER), FOLDER / "browser.mjs", chromium(), *names)


def chromium() -> str:
    """The path of Chromium. Raises RuntimeError if there is none and none can be installed."""
    found = _found()
    if found is None:
        (ROOT / ".local").mkdir(exist_ok=True)
        with (ROOT / ".local/chromium.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            found = _found() or _install()
    if found is None:
        raise RuntimeError(_HELP)
    return found


def _found() -> str | None:
    return next(filter(None, map(shutil.which, _NAMES)), None)


def _install() -> str | None:
    """By apt-get, which needs root or a sudo that does not ask."""
    become = [] if os.geteuid() == 0 else ["sudo", "-n"]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", "chromium"]):
        try:
            done = subprocess.run([*become, "apt-get", *command], env=environment, capture_output=True, check=False)
        except OSError:
            return None
        if done.returncode:
            return None
    return _found()
