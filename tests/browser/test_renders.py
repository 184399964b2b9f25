"""A framework that makes new functions at every render, and the token source in a component of it."""

import subprocess
from pathlib import Path

import pytest

from tests.browser.conftest import Site
from tests.kit.node import node_for
from tests.kit.stacks import Client

FOLDER = Path(__file__).parent


@pytest.fixture(scope="module")
def script() -> str:
    """The component with React's development build, whose StrictMode renders everything twice."""
    esbuild = [*node_for(FOLDER), FOLDER / "node_modules/esbuild/bin/esbuild", FOLDER / "renders.jsx"]
    options = ["--bundle", "--jsx=automatic", "--jsx-dev", "--log-level=warning"]
    return subprocess.run([*esbuild, *options], check=True, capture_output=True, text=True).stdout


def test_a_hundred_renders_make_one_exchange_and_the_newest_login_is_asked(
    site: Site, client: Client, script: str
) -> None:
    options = {"url": client.stack["broker_url"]}
    render = "return renderOften(given)"
    with site.tab() as tab:
        tab.run(script)
        first = tab.run(render, times=100, person="alice", options=options)
        assert len(first["asked"]) == 1
        assert (len(first["tokens"]), first["functions"] >= 100) == (1, True)
        assert site.exchanges == [("granted", "alice")]
        tab.clock("fastForward", 5 * 3_600_000)
        second = tab.run(render, times=10, person="alice again", options=options)
        (asked,) = second["asked"]
        assert asked.startswith("alice again")
    assert site.exchanges == [("granted", "alice")] * 2
