"""Durable executions of the example's function: the function in Lambda's emulator, and AWS's local runner."""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import urllib3

from infra.sam import ROOT
from local.aws.account import ACCOUNT, REGION
from local.emulator.environment import Function, environments
from tests.kit.aws_front import Invoked
from tests.kit.durable.service import LambdaService
from tests.kit.python_environments import python_for
from tests.kit.servers import loop, serving
from tests.kit.waiting import wait_until

HERE, EXAMPLE = Path(__file__).parent, ROOT / "examples/pipeline"
KEYS = {"aws_access_key_id": "none", "aws_secret_access_key": "none", "region_name": REGION}
ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED")


@dataclass
class Executions:
    """`service`: the Lambda that the function sees. `url`: AWS's runner behind it. `started`: ARNs of executions."""

    service: LambdaService
    url: str
    _web: urllib3.PoolManager
    started: list[str] = field(default_factory=list)

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
        answer = self._web.request("POST", f"{self.url}/start-durable-execution", json=wanted)
        self.started.append(answer.json()["ExecutionArn"])
        return self.started[-1]

    def read(self, arn: str) -> dict[str, Any]:
        """The execution as Lambda's GetDurableExecution gives it."""
        return dict(self._ask(arn).json())

    def wait(self, arn: str, seconds: float = 60) -> dict[str, Any]:
        """Wait for the end of the execution. Returns it as `read` does."""
        wait_until(lambda: self.read(arn)["Status"] in ENDED, seconds)
        return self.read(arn)

    def history(self, arn: str) -> str:
        """Everything that Lambda keeps of the execution, as a person in the console would see it."""
        return self._ask(arn, "/history?IncludeExecutionData=true").data.decode() + self._ask(arn).data.decode()

    def succeed(self, callback: str, result: Any) -> None:
        """Complete a callback, as the notification function does."""
        self._client.send_durable_execution_callback_success(CallbackId=callback, Result=json.dumps(result))

    def fail(self, callback: str, code: str) -> None:
        error = {"ErrorType": code, "ErrorMessage": "The reason.", "ErrorData": json.dumps({"error": code})}
        self._client.send_durable_execution_callback_failure(CallbackId=callback, Error=error)

    @cached_property
    def _client(self) -> Any:
        connect: Any = boto3.client
        return connect("lambda", endpoint_url=self.url, **KEYS)

    def _ask(self, arn: str, more: str = "") -> urllib3.BaseHTTPResponse:
        path = f"/2025-12-01/durable-executions/{quote(arn, safe='')}{more}"
        return self._web.request("GET", self.url + path)


@contextmanager
def running_pipeline(
    folder: Path,
    port: int,
    variables: Mapping[str, str],
    others: Mapping[str, Invoked],
    impatience: int,
    workers: int = 1,
) -> Iterator[Executions]:
    """The example's function, ready for executions. AWS's runner listens at `port`.

    Beside `pipeline` there is `impatient`, which waits for its callback for `impatience` seconds only.
    """
    python = python_for(HERE / "requirements.txt", "durable")
    runner_url = f"http://127.0.0.1:{port}"
    service = LambdaService(runner_url, others)
    with loop() as running, serving(service.make_app, on=running) as url:
        function = Function(_lay_code(folder / "code", python), "pipeline.handler", timeout=60, memory=256)
        given = {**variables, "AWS_ENDPOINT_URL_LAMBDA": url}
        for name, wait, count in (("pipeline", "3600", workers), ("impatient", str(impatience), 1)):
            made = environments(count, function, folder, {**given, "WAIT_SECONDS": wait}, name=name)
            running.run(service.add(name, made))
        with _running_runner(python, port, url, folder / "log/runner.log") as web:
            yield Executions(service, runner_url, web)


def _lay_code(folder: Path, python: Path) -> Path:
    """The artifact: the example's file beside its packages."""
    folder.mkdir(parents=True)
    packages = next(python.parents[1].glob("lib/python*/site-packages"))
    for source in [EXAMPLE / "pipeline.py", *packages.iterdir()]:
        (folder / source.name).symlink_to(source)
    return folder


@contextmanager
def _running_runner(python: Path, port: int, url: str, log: Path) -> Iterator[urllib3.PoolManager]:
    web = urllib3.PoolManager(retries=False, timeout=60, maxsize=20)

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
