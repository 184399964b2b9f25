"""Durable executions of the example's function: the function in Lambda's emulator, and AWS's local runner."""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import urllib3

from infra.sam import ROOT
from local.aws.account import ACCOUNT
from local.emulator.environment import Function, environments
from tests.kit.durable.service import Crash, Invoked, LambdaService
from tests.kit.python_environments import python_for
from tests.kit.servers import loop, serving
from tests.kit.waiting import wait_until

HERE, EXAMPLE = Path(__file__).parent, ROOT / "examples/pipeline"
IMPATIENT_SECONDS = "3"
ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED")


@dataclass
class Executions:
    """`service`: the Lambda that the function sees."""

    service: LambdaService
    _web: urllib3.PoolManager

    def start(self, event: Any, function: str = "pipeline") -> str:
        """Start an execution, as an event does. Returns its ARN."""
        wanted = {
            "AccountId": ACCOUNT,
            "FunctionName": function,
            "FunctionQualifier": "$LATEST",
            "ExecutionName": uuid.uuid4().hex,
            "ExecutionTimeoutSeconds": 86_400,
            "ExecutionRetentionPeriodDays": 1,
            "Input": json.dumps(event),
        }
        answer = self._web.request("POST", f"{self.service.runner_url}/start-durable-execution", json=wanted)
        return str(answer.json()["ExecutionArn"])

    def read(self, arn: str) -> dict[str, Any]:
        """The execution as Lambda's GetDurableExecution gives it."""
        return dict(self._ask(arn).json())

    def wait(self, arn: str, seconds: float = 30) -> Any:
        """Wait for the end of the execution. Returns its result. Raises AssertionError where it has not succeeded."""
        wait_until(lambda: self.read(arn)["Status"] in ENDED, seconds)
        found = self.read(arn)
        assert found["Status"] == "SUCCEEDED", found
        return json.loads(found["Result"])

    def history(self, arn: str) -> str:
        """Everything that Lambda keeps of the execution, as a person in the console would see it."""
        return self._ask(arn, "/history?IncludeExecutionData=true").data.decode() + self._ask(arn).data.decode()

    def crash(self, at: int, *, is_kept: bool) -> None:
        self.service.crash = Crash(at, is_kept)

    def _ask(self, arn: str, more: str = "") -> urllib3.BaseHTTPResponse:
        path = f"/2025-12-01/durable-executions/{quote(arn, safe='')}{more}"
        return self._web.request("GET", self.service.runner_url + path)


@contextmanager
def running_pipeline(
    folder: Path, port: int, variables: Mapping[str, str], others: Mapping[str, Invoked], workers: int = 1
) -> Iterator[Executions]:
    """The example's function, ready for executions. AWS's runner listens at `port`.

    Beside `pipeline` there is `impatient`, which waits for a callback for a few seconds only.
    """
    python = python_for(HERE / "requirements.txt", "durable")
    service = LambdaService(f"http://127.0.0.1:{port}", others)
    with loop() as running, serving(service.make_app, on=running) as url:
        function = Function(_lay_code(folder / "code", python), "pipeline.handler", timeout=60, memory=256)
        given = {**variables, "AWS_ENDPOINT_URL_LAMBDA": url}
        for name, wait in (("pipeline", "3600"), ("impatient", IMPATIENT_SECONDS)):
            made = environments(workers, function, folder, {**given, "WAIT_SECONDS": wait}, name=name)
            running.run(service.add(name, made))
        with _running_runner(python, port, url, folder / "log/runner.log") as web:
            yield Executions(service, web)


def _lay_code(folder: Path, python: Path) -> Path:
    """The artifact: the example's file beside its packages."""
    folder.mkdir(parents=True)
    packages = next(python.parents[1].glob("lib/python*/site-packages"))
    for source in [EXAMPLE / "pipeline.py", *packages.iterdir()]:
        (folder / source.name).symlink_to(source)
    return folder


@contextmanager
def _running_runner(python: Path, port: int, url: str, log: Path) -> Iterator[urllib3.PoolManager]:
    web = urllib3.PoolManager(retries=False, timeout=10)

    def answers() -> bool:
        try:
            return web.request("GET", f"http://127.0.0.1:{port}/health").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    with log.open("wb") as out:
        # It signs what it sends to our service, which looks at no signature.
        keys = {**os.environ, "AWS_ACCESS_KEY_ID": "runner", "AWS_SECRET_ACCESS_KEY": "none"}
        command: list[str | Path] = [python, HERE / "runner.py", str(port), url]
        process = subprocess.Popen(command, env=keys, stdout=out, stderr=out)
    try:
        wait_until(answers)
        yield web
    finally:
        process.kill()
        process.wait()
