"""`make sandbox`: the sandbox alone, with the settings of its file."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.sam import ROOT
from local.loopback.processes import end_with_parent, free_ports
from tests.kit.api2 import KEY, Api2
from tests.kit.waiting import wait_until

FILE = f"workspaces: {{ours: {{auth_keys: [{{key: {KEY.key}, secret: {KEY.secret}}}]}}}}"


@contextmanager
def started(file: Path, port: int, out: Path) -> Iterator[subprocess.Popen[bytes]]:
    with out.open("wb") as to:
        process = subprocess.Popen(
            [sys.executable, "-m", "local.sandbox"],
            cwd=ROOT,
            env=os.environ | {"PORT": str(port), "SANDBOX": str(file)},
            stdout=to,
            stderr=to,
            preexec_fn=end_with_parent,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "sandbox.yaml"
    made.write_text(FILE)
    return made


def test_the_sandbox_prints_its_address_logs_each_request_and_ends_on_sigterm(file: Path, tmp_path: Path) -> None:
    (port,), out = free_ports(1), tmp_path / "out"
    with started(file, port, out) as process:
        wait_until(lambda: "Ctrl-C stops it" in out.read_text())
        api2 = Api2(f"http://127.0.0.1:{port}")
        wait_until(lambda: f"export TRANSLOADIT_ENDPOINT={api2.origin}" in out.read_text())
        token = api2.bearer("assemblies:read")
        api2.by(token, "GET", "/templates")
        with started(file, port, tmp_path / "second") as second:
            assert second.wait(30) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert (tmp_path / "second").read_text() == (f"port {port} is busy; choose another one with PORT=4102\n")
    lines = [line.split(" ", 2)[2] for line in out.read_text().splitlines() if " 403 " in line]
    assert lines == [
        "GET /templates 403 bearer of key-1 (aud api2: assemblies:read) "
        "refused INSUFFICIENT_AUTH_SCOPE: The scope templates:read is needed"
    ]
    assert token not in out.read_text()


def test_the_lines_of_the_page_can_be_copied(api2: Api2) -> None:
    page = (ROOT / "docs/sandbox.md").read_text()
    (lines,) = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    names = {"ENDPOINT": api2.origin, "KEY": KEY.key, "SECRET": KEY.secret}
    environment = os.environ | {f"TRANSLOADIT_{name}": value for name, value in names.items()}
    subprocess.run(["bash", "-ec", lines], env=environment, check=True, stdout=subprocess.DEVNULL, timeout=60)
    callers = [entry["caller"].partition(" (")[0] for entry in api2.log() if entry["status"] == 200]
    assert callers == [*(f"{how} of key-1" for how in ("basic", "bearer", "signature", "bearer")), "holder of the id"]
    (listed,) = api2.signed("GET", "/assemblies")[1]["items"]
    assert (listed["files"], listed["bytes_received"]) == ('["a.txt"]', 5)


def test_a_mistake_in_the_file_ends_it_with_its_place(file: Path, tmp_path: Path) -> None:
    file.write_text("workspaces: {}")
    with started(file, free_ports(1)[0], tmp_path / "out") as process:
        assert process.wait(30) == 1
    assert (tmp_path / "out").read_text() == f"{file}:1:13: error: `workspaces` must not be empty\n"


def test_a_missing_file_is_reported_with_the_variable_that_names_it(tmp_path: Path) -> None:
    with started(Path("nope"), free_ports(1)[0], tmp_path / "out") as process:
        assert process.wait(30) == 1
    assert (tmp_path / "out").read_text() == "no file nope; SANDBOX names the sandbox's file\n"
