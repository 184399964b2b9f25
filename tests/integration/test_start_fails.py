"""A start that fails: one clear line in the log, then the exception as it was; no secret in either.

Lambda's runtime prints the message of an exception that an entry point raises, and its traceback, as Python does here.
"""

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import broker
import pytest
from broker.base.errors import TemporarilyUnavailable
from broker.base.net import OutOfReach
from broker.base.progress import Deadline
from broker.wiring import Prepared

from tests.kit.clock import Clock
from tests.kit.handlers import ENVIRONMENT, NOWHERE
from tests.kit.logs import failures
from tests.kit.policies import compiled, issuer

ENTRY_POINTS = ["http_api", "iam_api", "notification_api", "token_function"]
SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIDSECRETSECRET",
    "AWS_SECRET_ACCESS_KEY": "the+secret/access=key",
    "AWS_SESSION_TOKEN": "the+session/token==",
}
GOOD = compiled(is_local=True, upstream=NOWHERE, aws_endpoint=NOWHERE).decode()


def started(folder: Path, entry: str, policy: str | None, **changes: str | None) -> subprocess.CompletedProcess[str]:
    """An entry point loaded from an artifact with this policy; a change to None removes a variable."""
    shutil.copytree(Path(broker.__file__).parent, folder / "broker", ignore=shutil.ignore_patterns("__pycache__"))
    if policy is not None:
        (folder / "policy.json").write_text(policy)
    variables = ENVIRONMENT | SECRETS | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"} | changes
    return subprocess.run(
        [sys.executable, "-c", f"import broker.{entry}"],
        cwd=folder,
        env={name: value for name, value in variables.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


CASES: dict[str, tuple[str | None, dict[str, str | None], str]] = {
    "no policy": (None, {}, "FileNotFoundError"),
    "a policy that is no JSON": ("{", {}, "DecodeError"),
    "a policy that is none": ("{}", {}, "ValidationError"),
    "once without a table": (compiled(issuers=[issuer(once=True)]).decode(), {}, "ValueError"),
    "no name of the service": (GOOD, {"POWERTOOLS_SERVICE_NAME": None}, "KeyError"),
    "no AWS credentials": (GOOD, {"AWS_SECRET_ACCESS_KEY": None}, "KeyError"),
    "a credential without a secret": (GOOD, {"CREDENTIALS": "default,other"}, "ValueError"),
}


@pytest.mark.parametrize(("policy", "changes", "kind"), CASES.values(), ids=CASES.keys())
def test_a_start_that_fails_is_one_line_of_the_log_and_fails_as_before(
    policy: str | None, changes: dict[str, str | None], kind: str, tmp_path: Path
) -> None:
    run = started(tmp_path, "http_api", policy, **changes)
    (line,) = map(json.loads, run.stdout.splitlines())
    assert (line["level"], line["message"], line["exception_name"]) == ("ERROR", "failed to start", kind)
    assert run.returncode == 1
    assert kind in run.stderr.splitlines()[-1]
    for secret in SECRETS.values():
        assert secret not in run.stdout + run.stderr


def test_a_function_for_direct_invocation_does_not_start_without_the_name_of_its_caller(tmp_path: Path) -> None:
    run = started(tmp_path, "token_function", GOOD, CALLER_NAME=None)
    assert json.loads(run.stdout)["exception_name"] == "KeyError"
    assert run.stderr.splitlines()[-1] == "KeyError: 'CALLER_NAME'"


def test_a_function_that_takes_notifications_does_not_start_without_the_pipeline_key(tmp_path: Path) -> None:
    run = started(tmp_path, "notification_api", GOOD, PIPELINE_SECRET=None)
    assert json.loads(run.stdout)["exception_name"] == "KeyError"
    assert run.stderr.splitlines()[-1] == "KeyError: 'PIPELINE_SECRET'"


@pytest.mark.parametrize("entry", ENTRY_POINTS)
def test_each_entry_point_leaves_the_line_of_a_failed_start(entry: str, tmp_path: Path) -> None:
    run = started(tmp_path, entry, None)
    assert json.loads(run.stdout)["message"] == "failed to start"
    assert json.loads(run.stdout)["service"] == ENVIRONMENT["POWERTOOLS_SERVICE_NAME"]
    assert run.returncode == 1


def raises(failure: Exception) -> Any:
    def work(_: Deadline) -> None:
        raise failure

    return work


def test_a_defect_in_work_that_is_done_ahead_is_logged_without_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python would print the message of an exception that ends a thread, whatever that quotes."""
    unhandled: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", unhandled.append)
    with failures() as logged:
        Prepared([raises(KeyError("quotes the-secret"))], Clock()).prepare()
    (line,) = logged()
    assert (line["message"], line["exception_name"]) == ("defect", "KeyError")
    assert "the-secret" not in json.dumps(line)
    assert unhandled == []


@pytest.mark.parametrize("failure", [TemporarilyUnavailable("out of reach"), OutOfReach("timeout")], ids=repr)
def test_a_server_that_is_out_of_reach_at_start_is_no_line_since_a_later_request_tries_again(
    failure: Exception,
) -> None:
    with failures() as logged:
        Prepared([raises(failure)], Clock()).prepare()
    assert logged() == []
