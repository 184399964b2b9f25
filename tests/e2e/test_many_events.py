"""A hundred events of new objects while parts fail. `make test-load` sends a thousand, and lets more fail."""

import base64
import json
from uuid import uuid4

from local.sandbox.model import AuthKey
from tests.kit.disturbances import kill_environment, list_faults
from tests.kit.event_checks import check_events
from tests.kit.kept import LETTERS, connect, read_kept, search
from tests.kit.leaks import find_secrets
from tests.kit.stacks import Client


def test_a_hundred_events_are_as_many_assemblies_or_dead_letters_whatever_fails(clean: Client) -> None:
    check_events(clean, 100, [*list_faults(2), kill_environment])
    assert search(clean) == set()


def test_a_search_looks_into_logs_tables_queues_and_assemblies(clean: Client) -> None:
    planted = f"{uuid4().hex}+/"
    text = json.dumps(base64.b64encode(f"key:{planted}".encode()).decode())
    with (clean.folder / "log/planted.log").open("w") as log:
        log.write(text)
    connect(clean, "dynamodb").put_item(TableName="SharedTable", Item={"id": {"S": "planted"}, "is": {"S": text}})
    connect(clean, "sqs").send_message(QueueUrl=LETTERS, MessageBody=text)
    owner = AuthKey(clean.stack["auth_key"], clean.stack["auth_secret"])
    clean.api2.assembly(key=owner, template_id="0f1e2d3c4b5a69788796a5b4c3d2e1f0", fields={"planted": text})
    found = {place.rpartition("/")[2] for _, place in find_secrets({"planted": planted}, read_kept(clean))}
    assert found == {"planted.log", "table SharedTable", "AssemblyDeadLetters", "statuses of Assemblies"}
