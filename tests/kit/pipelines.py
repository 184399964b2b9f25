"""What the tests of the example's pipelines share: an event, a table, an Assembly function that a test instructs."""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from infra.sam import ROOT
from local.aws.account import ACCOUNT, REGION
from local.aws.template import resources_of
from local.emulator.pool import Outcome

TABLE = "outcomes"
SEQUENCER = "00617F08299329D189"
PARAMETERS = {"AssemblyFunctionArn": "AssemblyFunction", "Bucket": "originals"}


def read_template(name: str) -> dict[str, Any]:
    """The resources of a template in infra/, for the bucket `originals` and a function by its name."""
    return resources_of(inline_definition(name), PARAMETERS)


def inline_definition(name: str) -> str:
    """A template's text with the definition of its state machine in it, where AWS's tools look for it."""
    source = yaml_parse((ROOT / "infra" / name).read_text())
    for properties in (each["Properties"] for each in source["Resources"].values()):
        if "DefinitionUri" in properties:
            properties["Definition"] = json.loads((ROOT / "infra" / properties.pop("DefinitionUri")).read_text())
    return json.dumps(source)


def create_table(database: Any, resources: dict[str, Any]) -> None:
    """Create the template's table of outcomes, under the name TABLE."""
    members = ("AttributeDefinitions", "KeySchema", "BillingMode")
    database.create_table(TableName=TABLE, **{name: resources["Outcomes"]["Properties"][name] for name in members})


def read_status(database: Any, key: str) -> str | None:
    """The status that the table has of an object of the bucket `originals`."""
    found = database.get_item(TableName=TABLE, Key={"object": {"S": name_object(key)}}).get("Item")
    return str(found["status"]["S"]) if found else None


def name_object(key: str) -> str:
    return f"originals/{key}/{SEQUENCER}"


def created(key: str) -> dict[str, Any]:
    """EventBridge's event of a new object: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html"""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": ACCOUNT,
        "time": "2026-11-12T00:00:00Z",
        "region": REGION,
        "resources": ["arn:aws:s3:::originals"],
        "detail": {
            "version": "0",
            "bucket": {"name": "originals"},
            "object": {"key": key, "size": 5, "etag": "b1946ac92492d2347c6235b4d2611184", "sequencer": SEQUENCER},
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": ACCOUNT,
            "source-ip-address": "1.2.3.4",
            "reason": "PutObject",
        },
    }


@dataclass
class Scripted:
    """An Assembly function that answers as a test orders. `asked`: the requests by the object's key.

    `failures`: the names of the errors that an object meets first, one a request. `statuses`: the status afterwards.
    """

    asked: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    failures: dict[str, list[str]] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)

    async def answer(self, event: bytes) -> Outcome:
        asked = json.loads(event)
        key = asked["fields"]["key"]
        self.asked.setdefault(key, []).append(asked)
        if left := self.failures.get(key):
            failure = {"errorType": left.pop(0), "errorMessage": "The reason."}
            return Outcome(json.dumps(failure).encode(), failed=True)
        return Outcome(json.dumps({"status": self.statuses.get(key, "ASSEMBLY_EXECUTING")}).encode(), failed=False)

    def callback(self, key: str, kind: str) -> str | None:
        """The callback that an Assembly of this object was made with."""
        asked = self.asked.get(key, [])
        return str(asked[-1]["callback"][kind]) if asked and not self.failures.get(key) else None
