"""State machines, executed by moto's interpreter of Amazon States Language in a process of its own.

The interpreter calls every service at one port with keys of its own. Here it is ours: the functions that a test names
answer there, and moto itself everything else.
"""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import urllib3
from aiohttp import web

from infra.sam import ROOT
from local.aws.account import ACCOUNT, REGION
from local.loopback.processes import free_ports
from tests.kit.aws_front import Invoked, Relay, add_invocations
from tests.kit.outside import one_at_a_time
from tests.kit.pipelines import TABLE
from tests.kit.servers import serving
from tests.kit.waiting import wait_until

DEFINITION = ROOT / "examples/pipeline/state-machine.asl.json"
_NAMES = {
    "AssemblyFunction": "AssemblyFunction",
    "AssemblyTemplate": "encode-by-states",
    "OutcomesTable": TABLE,
    "Partition": "aws",
}
_PAUSES = ("IntervalSeconds", "MaxDelaySeconds", "Seconds")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/pipeline"
KEYS = {"aws_access_key_id": "ak", "aws_secret_access_key": "sk", "region_name": REGION}


def read_definition(wait: int = 3600) -> dict[str, Any]:
    """The example's definition as it is deployed, but for its times, which the interpreter does not skip.

    Every pause is one second, and the wait for the callback `wait` seconds.
    """

    def shorten(value: Any) -> Any:
        if isinstance(value, list):
            return [shorten(item) for item in value]
        if isinstance(value, dict):
            return {name: 1 if name in _PAUSES else shorten(item) for name, item in value.items()}
        return value

    text = DEFINITION.read_text()
    for name, value in _NAMES.items():
        text = text.replace(f"${{{name}}}", value)
    definition: dict[str, Any] = shorten(json.loads(text))
    definition["States"]["Assembly"]["TimeoutSeconds"] = wait
    return definition


@dataclass
class StateMachines:
    """`states` and `database`: clients of Step Functions and DynamoDB at moto, whose origin is `url`.

    `started`: ARNs of executions.
    """

    url: str
    states: Any
    database: Any
    started: list[str] = field(default_factory=list)

    def create(self, definition: Mapping[str, Any]) -> str:
        """Create a state machine of this definition. Returns its ARN."""
        named = {"name": f"pipeline-{uuid.uuid4().hex}", "roleArn": ROLE, "definition": json.dumps(definition)}
        return str(self.states.create_state_machine(**named)["stateMachineArn"])

    def start(self, machine: str, event: Any) -> str:
        """Start an execution. Returns its ARN."""
        # moto gives all executions without a name the same one.
        named = {"stateMachineArn": machine, "name": uuid.uuid4().hex, "input": json.dumps(event)}
        self.started.append(self.states.start_execution(**named)["executionArn"])
        return self.started[-1]

    def wait(self, execution: str, seconds: float = 60) -> dict[str, Any]:
        """Wait for the end of the execution. Returns what DescribeExecution says of it."""
        wait_until(lambda: self.read(execution)["status"] != "RUNNING", seconds)
        return self.read(execution)

    def read(self, execution: str) -> dict[str, Any]:
        return dict(self.states.describe_execution(executionArn=execution))

    def history(self, execution: str) -> list[dict[str, Any]]:
        return list(self.states.get_execution_history(executionArn=execution, maxResults=1000)["events"])


@contextmanager
def running_state_machines(folder: Path, functions: Mapping[str, Invoked]) -> Iterator[StateMachines]:
    """moto's interpreter, as long as the context lasts. `functions` by the name that the state machine has for them."""
    (port,) = free_ports(1)
    moto = f"http://127.0.0.1:{port}"
    relay = Relay(moto)

    def make_app() -> web.Application:
        app = web.Application(client_max_size=6 * 1024 * 1024)
        add_invocations(app, functions)
        app.cleanup_ctx.append(relay.run)
        app.router.add_route("*", "/{path:.*}", one_at_a_time(relay.send))
        return app

    with serving(make_app) as front, (folder / "moto.log").open("wb") as log:
        variables = {**os.environ, "MOTO_PORT": front.rpartition(":")[2]}
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        process = subprocess.Popen(command, env=variables, stdout=log, stderr=log)
        try:
            _turn_on(moto)
            connect: Any = boto3.client
            states, database = (connect(name, endpoint_url=moto, **KEYS) for name in ("stepfunctions", "dynamodb"))
            yield StateMachines(moto, states, database)
        finally:
            process.kill()
            process.wait()


def _turn_on(moto: str) -> None:
    """Wait for moto, and have it execute state machines. http://docs.getmoto.org/en/latest/docs/services/stepfunctions.html"""
    web = urllib3.PoolManager(retries=False, timeout=10)

    def is_on() -> bool:
        settings = {"stepfunctions": {"execute_state_machine": True}}
        try:
            return web.request("POST", f"{moto}/moto-api/config", json=settings).status == 201
        except urllib3.exceptions.HTTPError:
            return False

    wait_until(is_on)
