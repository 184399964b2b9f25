"""The demo page's own site: what it admits, what it tells the page, and what it says where it could not be built."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from local.node import NodeTools
from local.stack import site
from local.stack.options import Options, Ports
from local.stack.plan import StackInfo, plan

INFO = plan(
    Options(Path("policy.yaml"), 3000, 1, None, None, None),
    Ports(3000, 3001, 3002, 3003, 3004, 3005, 3006),
    Path("folder"),
)


def sources(directive: str, info: StackInfo = INFO) -> list[str]:
    found = {name: listed for name, *listed in (part.split() for part in site.content_policy(info).split(";"))}
    return found[directive]


def test_the_page_may_call_the_parts_of_its_stack_and_nobody_else() -> None:
    here = "http://127.0.0.1"
    assert sources("connect-src") == ["'self'", f"{here}:3000", f"{here}:3003", f"{here}:3002"]
    assert sources("img-src") == ["'self'", "blob:", "data:", f"{here}:3002"]
    assert sources("script-src") == sources("style-src") == ["'self'"]
    assert sources("default-src") == sources("frame-ancestors") == sources("base-uri") == ["'none'"]


def test_with_the_real_api_the_page_may_call_its_hosts() -> None:
    real = replace(INFO, api2_url="https://api2.transloadit.com")
    assert "https://*.transloadit.com" in sources("connect-src", real)
    assert "https://*.tlcdn.com" in sources("img-src", real)


def test_without_node_the_page_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    built = site.built_site(tmp_path)
    assert "install it" in capsys.readouterr().out
    assert "Node 20" in (built / "index.html").read_text()


def test_a_build_that_fails_leaves_its_reason_and_no_half_built_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, script in (("node", "echo v20.0.0"), ("npm", "echo no registry >&2; exit 1")):
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    cache = tmp_path / "cache"
    built = site.built_site(cache, _copy(tmp_path / "source", site.SOURCE))
    assert "no registry" in capsys.readouterr().out
    assert "no registry" in (built / "index.html").read_text()
    assert [file.name for file in cache.glob("site-*")] == ["site-missing"]


def _copy(target: Path, source: Path) -> Path:
    """A site whose packages are not installed."""
    target.mkdir()
    for name in ("package.json", "package-lock.json"):
        (target / name).write_bytes((source / name).read_bytes())
    return target


def test_packages_that_are_installed_are_not_installed_again(tmp_path: Path) -> None:
    (tmp_path / "package-lock.json").write_text("{}")
    (tmp_path / "node_modules").mkdir()
    calls = tmp_path / "calls"
    npm = ("/bin/sh", "-c", f"echo called >> {calls}")
    tools = NodeTools("node", npm, tmp_path / "lock")
    tools.install_locked(tmp_path)
    tools.install_locked(tmp_path)
    assert calls.read_text() == "called\n"
    (tmp_path / "package-lock.json").write_text('{"changed": true}')
    with pytest.raises(subprocess.CalledProcessError):
        NodeTools("node", ("/bin/false",), tmp_path / "lock").install_locked(tmp_path)
