"""`token-broker exec`: what the command has in its environment, and that it is the command's own process."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from token_broker.execution import TAKEN_OUT, make_environment

from tests.kit.token_server import TokenServer, token
from tests.kit.waiting import wait_until

COMMAND = Path(sys.executable).with_name("token-broker")
PRINT = [sys.executable, "-c", "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]))"]


def execute(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, "exec", *words], capture_output=True, text=True, check=False, timeout=60)


def test_the_command_has_the_token_and_no_other_secret_of_transloadit(
    broker: TokenServer, environ: pytest.MonkeyPatch
) -> None:
    secrets = {name: f"secret-{name}" for name in TAKEN_OUT if name not in ("TRANSLOADIT_IDENTITY_TOKEN_FILE",)}
    for name, value in {**secrets, "TRANSLOADIT_IDENTITY_TOKEN": "a.b.c", "OTHER": "kept"}.items():
        environ.setenv(name, value)
    broker.then(token())
    done = execute("--scope", "assemblies:read", "--aud", "mcp", "--", *PRINT, "--scope", "x", "--", "y z")
    assert done.returncode == 0, done.stderr
    arguments, variables = json.loads(done.stdout)
    assert arguments == ["--scope", "x", "--", "y z"]
    assert variables["TRANSLOADIT_AUTH_TOKEN"] == "bearer-1"
    assert variables["TRANSLOADIT_ENDPOINT"] == "https://api2.transloadit.com"
    assert variables["OTHER"] == "kept"
    assert not set(TAKEN_OUT) & set(variables)
    assert "secret-" not in done.stdout + done.stderr
    assert broker.calls[0].fields == {
        "grant_type": "client_credentials",
        "scope": "assemblies:read",
        "aud": "mcp",
    }
    assert "without TRANSLOADIT_KEY, TRANSLOADIT_SECRET, TRANSLOADIT_AUTH_KEY" in done.stderr


def test_what_was_not_there_is_not_named_and_the_sandbox_of_the_environment_stays() -> None:
    variables, taken = make_environment({"PATH": "/bin", "TRANSLOADIT_KEY": ""}, "t", "http://127.0.0.1:3002")
    assert variables == {
        "PATH": "/bin",
        "TRANSLOADIT_AUTH_TOKEN": "t",
        "TRANSLOADIT_ENDPOINT": "http://127.0.0.1:3002",
    }
    assert taken == []


def test_the_exit_status_is_the_command_s_own(broker: TokenServer) -> None:
    broker.then(token())
    assert execute("--", "sh", "-c", "exit 7").returncode == 7
    assert execute("--", "sh", "-c", "kill -TERM $$").returncode == -signal.SIGTERM


@pytest.mark.parametrize(("word", "status"), [("no-such-command", 127), ("/tmp", 126)])
def test_a_command_that_cannot_be_run_has_the_status_of_the_shell(broker: TokenServer, word: str, status: int) -> None:
    broker.then(token())
    done = execute("--", word)
    assert (done.returncode, done.stdout) == (status, "")
    assert f"token-broker: {word}: " in done.stderr


def test_signals_reach_the_command(broker: TokenServer, tmp_path: Path) -> None:
    broker.then(token())
    script = f"trap 'echo ended > {tmp_path}/end; exit 3' TERM; touch {tmp_path}/began; while :; do sleep 0.05; done"
    with subprocess.Popen([COMMAND, "exec", "--", "sh", "-c", script], stderr=subprocess.DEVNULL) as process:
        wait_until((tmp_path / "began").exists)
        process.terminate()
        assert process.wait(20) == 3
    assert (tmp_path / "end").read_text() == "ended\n"


def test_the_command_does_not_ignore_the_signals_that_python_ignores(broker: TokenServer) -> None:
    broker.then(token())
    ignored = int(execute("--", "grep", "SigIgn", "/proc/self/status").stdout.split()[1], 16)
    assert not [number for number in (signal.SIGPIPE, signal.SIGXFSZ) if ignored >> (number - 1) & 1]


def test_the_token_is_in_no_list_of_processes(broker: TokenServer) -> None:
    broker.then(token())
    done = execute("--", "sh", "-c", "cat /proc/$$/cmdline; ps -ef 2>/dev/null || true")
    assert done.returncode == 0
    assert "bearer-1" not in done.stdout
    assert "a.b.c" not in done.stdout


def test_without_a_token_the_command_is_not_run(broker: TokenServer, tmp_path: Path) -> None:
    broker.then({"error": "access_denied", "request_id": "r1"}, 403)
    done = execute("--", "touch", str(tmp_path / "made"))
    assert (done.returncode, done.stdout) == (125, "")
    assert "`token-broker policy explain`" in done.stderr
    assert not (tmp_path / "made").exists()
    assert os.listdir(tmp_path) == []
