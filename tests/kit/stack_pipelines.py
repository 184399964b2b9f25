"""Both pipelines of the examples beside a running stack: its Assembly function, and its callbacks."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from local.aws.services import client as aws_client
from local.emulator.pool import Outcome
from local.loopback.processes import free_ports
from tests.kit.aws_front import Relay
from tests.kit.durable.executions import Executions, running_pipeline
from tests.kit.kept import read_statuses
from tests.kit.pipelines import TABLE, create_table, read_template
from tests.kit.servers import serving
from tests.kit.stacks import Client
from tests.kit.state_machines import StateMachines, running_state_machines

IMPATIENCE = 6  # seconds; longer than an Assembly takes on a machine that is slow for a moment


@dataclass
class AssemblyFunction:
    """The stack's. `answers`: what it answered, by the object's key. `callbacks`: ids and tokens that it was given."""

    stack: Client
    answers: dict[str, list[Any]] = field(default_factory=dict)
    callbacks: set[str] = field(default_factory=set)

    async def invoke(self, event: bytes) -> Outcome:
        answer = await asyncio.to_thread(self.stack.invoke, event, "AssemblyFunction")
        asked = json.loads(event)
        self.answers.setdefault(asked["fields"]["key"], []).append(answer.body)
        self.callbacks.update(asked.get("callback", {}).values())
        return Outcome(answer.text.encode(), failed="x-amz-function-error" in answer.headers)


@dataclass
class Pipelines:
    """`database` is the durable function's, `function` the Assembly function. `folder` has the pipelines' logs."""

    stack: Client
    executions: Executions
    machines: StateMachines
    database: Any
    function: AssemblyFunction
    folder: Path

    def find(self, key: str) -> str:
        """The id of the one Assembly of an object."""
        (found,) = (id_ for id_, name in self.list_assemblies() if name == key)
        return found

    def count(self, key: str) -> int:
        """How many Assemblies api2 has of an object."""
        return [name for _, name in self.list_assemblies()].count(key)

    def list_assemblies(self) -> list[tuple[str, str]]:
        """All Assemblies that api2 has: the id, and the key of the object."""
        statuses = read_statuses(self.stack)
        return [(id_, json.loads(status["params"])["fields"]["key"]) for id_, status in statuses.items()]

    def read_kept(self) -> dict[str, str]:
        """All that AWS keeps of the pipelines, by a name: histories of executions, outcomes, and logs."""
        kept = {arn: self.executions.history(arn) for arn in self.executions.started}
        kept |= {arn: repr([self.machines.read(arn), self.machines.history(arn)]) for arn in self.machines.started}
        for name, database in (("durable", self.database), ("states", self.machines.database)):
            pages = database.get_paginator("scan").paginate(TableName=TABLE)
            kept[f"outcomes, {name}"] = repr([page["Items"] for page in pages])
        return kept | {log.name: log.read_text("utf-8", "replace") for log in self.folder.rglob("*.log")}


@contextmanager
def running_pipelines(stack: Client, folder: Path, workers: int = 1) -> Iterator[Pipelines]:
    """Both, as long as the context lasts; the durable function with this many environments."""
    function = AssemblyFunction(stack)
    functions, resources = {"AssemblyFunction": function.invoke}, read_template("pipeline.yaml")
    endpoint = stack.stack["aws_endpoint_url"]
    database = aws_client("dynamodb", endpoint, stack.principal)
    create_table(database, resources)
    configured = resources["PipelineFunction"]["Properties"]["Environment"]["Variables"]
    own = {**stack.principal.variables(), "AWS_ENDPOINT_URL": endpoint, "OUTCOMES_TABLE": TABLE}
    durable = running_pipeline(folder, free_ports(1)[0], {**configured, **own}, functions, IMPATIENCE, workers)
    with durable as executions, running_state_machines(folder, functions) as machines:
        create_table(machines.database, read_template("state-machine.yaml"))
        with _taking_callbacks(stack, executions.url, machines.url):
            yield Pipelines(stack, executions, machines, database, function, folder)


@contextmanager
def _taking_callbacks(stack: Client, runner_url: str, moto_url: str) -> Iterator[None]:
    """Hand on what the stack sends to durable executions and to state machines."""
    runner, moto = Relay(runner_url), Relay(moto_url)

    def make_app() -> web.Application:
        app = web.Application()
        app.cleanup_ctx.extend([runner.run, moto.run])
        app.router.add_route("*", "/2025-12-01/{path:.*}", runner.send)
        app.router.add_route("*", "/{path:.*}", moto.send)
        return app

    with serving(make_app, port=urlsplit(stack.stack["durable_url"]).port or 0):
        yield
