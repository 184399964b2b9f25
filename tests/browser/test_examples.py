"""The examples of four frameworks: built as a reader would build them, each finishes an upload in Chromium."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from infra.sam import ROOT
from local.stack.plan import StackInfo
from local.stack.site import CLIENT, content_policy
from tests.kit.node import node_for, node_tools
from tests.kit.pages import running_server
from tests.kit.stacks import Client, running_stack
from tests.kit.visitors import FOLDER, visiting

NAMES = ("plain", "react", "vue", "svelte")
PAGE = "http://localhost:8080"  # an origin that the stack allows


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with running_stack(tmp_path_factory.mktemp("stack"), ROOT / "local/policy.yaml") as running:
        yield running


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client as it is published."""
    return node_tools().pack(CLIENT, tmp_path_factory.mktemp("packed"))


@pytest.fixture(scope="module")
def build(package: Path) -> Callable[[str], Path]:
    def built(name: str) -> Path:
        folder = ROOT / "examples" / name
        node = node_for(folder)
        node_tools().install(package, folder)
        subprocess.run([*node, "build.mjs"], cwd=folder, check=True)
        return folder / "dist"

    return built


@contextmanager
def site(stack: Client, folder: Path) -> Iterator[int]:
    """The port of what a site has around an example: its files, who is signed in, and a strict policy for content."""
    policy = content_policy(StackInfo(**stack.stack))
    config = {"broker": stack.stack["broker_url"], "service": stack.stack["api2_url"], "credential": "uploads"}

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        def do_GET(self) -> None:
            answers = {"/config.json": json.dumps(config), "/jwt": stack.jwt(groups=["editors"]), "/favicon.ico": ""}
            if self.path not in answers:
                super().do_GET()
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answers[self.path].encode())

        def end_headers(self) -> None:
            self.send_header("content-security-policy", policy)
            super().end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with running_server(Handler) as port:
        yield port


@pytest.mark.parametrize("name", NAMES)
def test_an_example_finishes_an_upload_by_signature(name: str, stack: Client, build: Callable[[str], Path]) -> None:
    folder = build(name)
    with site(stack, folder) as port, visiting(f"MAP localhost:8080 127.0.0.1:{port}") as visitor:
        visitor.open(f"{PAGE}/")
        visitor.see("Drop files here")
        visitor.choose(".uppy-Dashboard-input", FOLDER / "sunset.png")
        visitor.click("Upload 1 file")
        visitor.see("Complete")
        assert visitor.complaints() == []
    record = stack.records()[-1]
    assert (record["subject"], record["signature_name"]) == ("alice", "avatar")


@pytest.mark.parametrize("name", NAMES)
def test_an_example_has_at_most_thirty_lines(name: str) -> None:
    """Of what a reader writes: the build and the page around it are in files of their own."""
    files = [ROOT / "examples/site.js", *_sources(ROOT / "examples" / name)]
    lines = [line for file in files for line in file.read_text().splitlines() if line.strip()]
    assert len(lines) <= 30


def _sources(folder: Path) -> list[Path]:
    return [file for file in folder.iterdir() if file.suffix in (".js", ".jsx", ".vue", ".svelte")]
