"""The wheels of `clients/python` and of the command, each by itself in an empty environment, on the Pythons of this
machine."""

import glob
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from broker import __version__ as broker_version

from infra.sam import ROOT
from tests.kit.docs import blocks
from tests.kit.token_server import TokenServer, token, token_server

UV = Path(sys.executable).with_name("uv")
SUITE = "tests/unit/token_broker_client"
# What the suite needs beside the wheel: pytest, and what the extras and the users' programs bring.
BESIDE = ["pytest", "boto3", "httpx2", "pyjwt[crypto]", "requests"]
OLDEST = (3, 11)


def find_pythons() -> dict[tuple[int, int], str]:
    """The interpreters of this machine from 3.11, one a minor version: this one, pyenv's, the system's, uv's."""
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT", home / ".pyenv"))
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", home / ".local/share/uv/python"))
    on_path = [place for minor in range(11, 20) if (place := shutil.which(f"python3.{minor}"))]
    patterns = (f"{pyenv}/versions/3.*/bin/python", f"{uv}/cpython-3.*/bin/python3")
    paths = [sys.executable, *(path for pattern in patterns for path in sorted(glob.glob(pattern))), *on_path]
    found: dict[tuple[int, int], str] = {}
    for path in paths:
        probe = "import sys, venv, ensurepip; print(*sys.version_info[:2])"
        done = subprocess.run([path, "-c", probe], capture_output=True, text=True, check=False)
        version = tuple(map(int, done.stdout.split()))
        if len(version) == 2 and version >= OLDEST:
            found.setdefault(version, path)
    return dict(sorted(found.items()))


PYTHONS = find_pythons()
versions = pytest.mark.parametrize("version", PYTHONS, ids=lambda version: ".".join(map(str, version)))


def run(*words: str | Path, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> str:
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheels of the client and of the command, as they would be published."""
    folder = tmp_path_factory.mktemp("wheels")
    for name in ("clients/python", "."):
        run(UV, "build", "--quiet", "--wheel", "--no-build-isolation", "--out-dir", folder, name)
    (client,) = folder.glob("transloadit_token_broker_client-*.whl")
    (command,) = set(folder.glob("*.whl")) - {client}
    return {"client": client, "command": command}


def make_environment(folder: Path, python: str, *packages: str | Path) -> Path:
    """The interpreter of a new environment with these packages. Versions are those that the checkout has locked."""
    run(UV, "venv", "--quiet", "--python", python, folder)
    install(folder / "bin/python", *packages)
    return folder / "bin/python"


def install(python: Path, *packages: str | Path) -> None:
    locked: list[str | Path] = ["--constraint", ROOT / "requirements-dev.txt"]
    run(UV, "pip", "install", "--quiet", "--python", python, *locked, *packages)


def packages_of(python: Path) -> set[str]:
    lines = run(UV, "pip", "list", "--quiet", "--python", python, "--format", "freeze").splitlines()
    return {line.partition("==")[0] for line in lines}


def plain(**more: str) -> dict[str, str]:
    """An environment that names no checkout, broker or identity."""
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **more}


@pytest.fixture
def broker() -> Iterator[TokenServer]:
    with token_server() as serving:
        serving.then(token())
        yield serving


def test_the_oldest_python_that_is_promised_and_the_deployed_one_are_on_this_machine() -> None:
    assert {OLDEST, (3, 13)} <= PYTHONS.keys()


@versions
def test_the_client_needs_urllib3_alone_and_gets_a_token_in_an_environment_of_its_own(
    version: tuple[int, int], wheels: dict[str, Path], broker: TokenServer, tmp_path: Path
) -> None:
    python = make_environment(tmp_path / "venv", PYTHONS[version], wheels["client"])
    assert packages_of(python) == {"transloadit-token-broker-client", "urllib3"}
    program = "from token_broker_client import TokenProvider; print(TokenProvider().headers())"
    told = plain(TRANSLOADIT_BROKER_URL=broker.origin, TRANSLOADIT_IDENTITY_TOKEN="a.b.c")
    assert run(python, "-W", "error", "-c", program, env=told, cwd=tmp_path) == "{'Authorization': 'Bearer bearer-1'}\n"


@versions
@pytest.mark.timeout(300)
def test_the_client_s_own_tests_pass_on_the_installed_wheel(
    version: tuple[int, int], wheels: dict[str, Path], tmp_path: Path
) -> None:
    python = make_environment(tmp_path / "venv", PYTHONS[version], wheels["client"], *BESIDE)
    options: list[str | Path] = [
        "-q",
        "-c",
        os.devnull,
        "--rootdir",
        ROOT,
        "--import-mode=importlib",
        "-p",
        "no:cacheprovider",
    ]
    out = run(python, "-B", "-m", "pytest", *options, "-W", "error", SUITE, env=plain(PYTHONPATH=str(ROOT)))
    assert " passed" in out
    assert "failed" not in out
    assert str(ROOT) not in run(python, "-c", "import token_broker_client as t; print(t.__file__)", cwd=tmp_path)


def test_a_program_is_type_checked_against_the_installed_wheel(wheels: dict[str, Path], tmp_path: Path) -> None:
    python = make_environment(tmp_path / "venv", PYTHONS[OLDEST], wheels["client"])
    program = tmp_path / "program.py"
    mypy: list[str | Path] = [Path(sys.executable).with_name("mypy"), "--strict", "--python-executable", python]
    program.write_text(
        "from token_broker_client import TokenError, TokenProvider, command, github, iam, private_key\n"
        "provider = TokenProvider('https://tokens.example.com', github(), scope='assemblies:read')\n"
        "token: str = provider()\n"
        "headers: dict[str, str] = provider.headers()\n"
        "TokenProvider('https://tokens.example.com', private_key('key.pem', 'me'), clock=lambda: 0)\n"
        "TokenProvider('https://tokens.example.com', command(['get-token']))\n"
        "TokenProvider('https://tokens.example.com', lambda: 'a.b.c')\n"
        "TokenProvider('https://tokens.example.com', iam())\n"
    )
    run(*mypy, program, cwd=tmp_path)
    program.write_text("from token_broker_client import TokenProvider\nTokenProvider(identity=5)\n")
    refused = subprocess.run([*mypy, program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert 'incompatible type "int"' in refused.stdout


@pytest.mark.parametrize("version", [each for each in PYTHONS if each >= (3, 13)])
def test_the_command_checks_and_explains_a_policy_and_runs_a_command_without_sam_and_without_the_stack(
    version: tuple[int, int], wheels: dict[str, Path], broker: TokenServer, tmp_path: Path
) -> None:
    python = make_environment(tmp_path / "venv", PYTHONS[version], *wheels.values())
    assert not {"boto3", "aws-lambda-powertools", "aws-sam-cli", "aiohttp"} & packages_of(python)
    command, told = python.with_name("token-broker"), plain()
    (tmp_path / "policy.yaml").write_text((ROOT / "policy.yaml").read_text())
    assert "2 rules" in run(command, "policy", "check", env=told, cwd=tmp_path)
    (tmp_path / "claims.json").write_text('{"sub": "nobody"}')
    explain = ["policy", "explain", "--issuer", "site", "--claims", "claims.json"]
    done = subprocess.run([command, *explain], env=told, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "REFUSED" in done.stdout, done.stderr
    told |= {"TRANSLOADIT_BROKER_URL": broker.origin, "TRANSLOADIT_IDENTITY_TOKEN": "a.b.c"}
    printed = run(command, "exec", "--", "sh", "-c", "echo $TRANSLOADIT_AUTH_TOKEN", env=told, cwd=tmp_path)
    assert printed == "bearer-1\n"
    assert "_shtab_token_broker" in run(command, "completion", "bash", env=told, cwd=tmp_path)


@pytest.mark.parametrize("line", blocks("docs/callers.md", "")[0].splitlines())
def test_pip_installs_client_and_command_from_a_checkout_by_the_lines_of_callers_md(line: str, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    folder = tmp_path / "venv/bin"
    run("sh", "-c", f"{folder}/{line} --quiet --disable-pip-version-check")
    run(folder / "python", "-c", "import token_broker_client", cwd=tmp_path)
    if line.endswith(" ."):
        assert run(folder / "token-broker", "--version", cwd=tmp_path) == f"token-broker {broker_version}\n"


def test_pipx_runs_the_command_from_its_wheel(wheels: dict[str, Path], tmp_path: Path) -> None:
    pipx = make_environment(tmp_path / "venv", sys.executable, "pipx").with_name("pipx")
    (tmp_path / "policy.yaml").write_text((ROOT / "policy.yaml").read_text())
    words: list[str | Path] = [
        "run",
        "--spec",
        wheels["command"],
        "--pip-args",
        f"--find-links {wheels['client'].parent}",
    ]
    folders = {"PIPX_HOME": str(tmp_path / "home"), "PIPX_DEFAULT_PYTHON": sys.executable}
    out = run(pipx, *words, "token-broker", "policy", "check", env=os.environ | folders, cwd=tmp_path)
    assert "2 rules" in out
