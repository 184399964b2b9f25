"""The parties that make an Assembly of each event, under the same emulator, and the events that they take."""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from itertools import count
from typing import Any

from infra.sam import ROOT
from local.aws.template import translated
from local.emulator.environment import Function
from local.stack.options import PARAMETERS
from local.stack.workspace import ENCODE_ID
from tests.bench.measure import Bench
from tests.bench.outside import CREDENTIAL, PIPELINE_SECRET
from tests.bench.parties import CACHE, HERE, Party, build_plainly

OURS, CONVENTIONAL, TWICE = "ours", "conventional", "conventional, without its table"
BATCH = 10  # messages that SQS hands over at once
_EVENTS = ROOT / "tests/events"
_numbers = count()


def prepare(bench: Bench, handler: str) -> dict[str, Party]:
    """By name ours and conventional with this handler; in the full form also without the table, so it may make two.

    Raises BuildFailed, CalledProcessError.
    """
    # The deployment by default, as for the other measures.
    resources = translated(ROOT / "template.yaml", PARAMETERS | {"SharedCache": "no"}, CACHE)
    exchanging = bench.parties.ours
    function = Function.from_template(resources["AssemblyFunction"]["Properties"], exchanging.function.artifact)
    ours = replace(
        exchanging,
        name="events, ours",
        function=function,
        variables={**exchanging.variables, "PIPELINE_SECRET": PIPELINE_SECRET},
    )
    theirs = Function(
        build_plainly("conventional-events", HERE / "conventional_events"),
        handler,
        function.timeout,
        function.memory,
        {
            "API2_URL": bench.outside.api2_url,
            "AUTH_KEY": CREDENTIAL.key,
            "AUTH_SECRET": CREDENTIAL.secret,
            "TEMPLATE_ID": ENCODE_ID,
            "TABLE": "idempotency",
            "AWS_ENDPOINT_URL_DYNAMODB": bench.outside.table_url,
            "REQUESTS_CA_BUNDLE": str(bench.outside.trusted),
            "POWERTOOLS_SERVICE_NAME": "conventional",
        },
    )
    conventional = replace(exchanging, name="events, conventional", function=theirs)
    parties = {OURS: ours, CONVENTIONAL: conventional}
    if not bench.quick:
        variables = {**exchanging.variables, "POWERTOOLS_IDEMPOTENCY_DISABLED": "true"}
        parties[TWICE] = replace(conventional, name="events, twice", variables=variables)
    return parties


def make_event() -> bytes:
    """EventBridge's event of another object each time."""
    event = _read("object-created")
    event["detail"]["bucket"]["name"] = PARAMETERS["AssemblyBuckets"]
    event["detail"]["object"] |= {"key": f"films/{next(_numbers)}.mp4"}
    return json.dumps(event).encode()


def make_batch() -> bytes:
    """Messages of SQS with S3's notification of another object each."""
    return json.dumps({"Records": list(_make_messages())}).encode()


def _make_messages() -> Iterator[dict[str, Any]]:
    sample, notification = _read("sqs")["Records"][0], _read("s3-notification")
    (record,) = notification["Records"]
    record["s3"]["bucket"]["name"] = PARAMETERS["AssemblyBuckets"]
    for _ in range(BATCH):
        number = next(_numbers)
        record["s3"]["object"]["key"] = f"films/{number}.mp4"
        yield deepcopy(sample) | {"messageId": f"message-{number}", "body": json.dumps(notification)}


def _read(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((_EVENTS / f"{name}.json").read_text("utf-8"))
    return event
