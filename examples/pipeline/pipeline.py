"""A new object in a bucket becomes an Assembly, made once, and its outcome stands in a table.

EventBridge starts this durable function with S3's event `Object Created`. It holds no secret and sees no token: the
Assembly function of the token broker makes the Assembly, and the broker's notification function says when it has ended.
https://docs.aws.amazon.com/lambda/latest/dg/durable-functions.html
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import boto3
from aws_durable_execution_sdk_python import (
    CallbackExternalError,
    CallbackSubmitterError,
    CallbackTimeoutError,
    DurableContext,
    DurableOperationError,
    StepError,
    durable_execution,
)
from aws_durable_execution_sdk_python.config import Duration, StepConfig, WaitForCallbackConfig
from aws_durable_execution_sdk_python.retries import RetryDecision, RetryStrategyConfig, create_retry_strategy

FUNCTION, TEMPLATE = os.environ["ASSEMBLY_FUNCTION"], os.environ["ASSEMBLY_TEMPLATE"]
TABLE, WAIT_SECONDS = os.environ["OUTCOMES_TABLE"], int(os.environ["WAIT_SECONDS"])
# What the Assembly function says when no other try helps. Everything else may pass: a throttle, an outage, a crash.
REFUSALS = ("InvalidRequest", "AccessDenied", "UpstreamRefused")
PATIENCE = RetryStrategyConfig(
    max_attempts=12,  # in half an hour or so
    initial_delay=Duration.from_seconds(5),
    max_delay=Duration.from_minutes(5),
)

lambdas, outcomes = boto3.client("lambda"), boto3.client("dynamodb")


class Refused(Exception):
    """No other try helps. The message begins with the name of the reason and a colon."""


class NotYet(Exception):
    """Another try may help. The message is as in Refused."""


@durable_execution
def handler(event: Mapping[str, Any], context: DurableContext) -> dict[str, str]:
    """Make the Assembly, wait for its end, record it. What is returned, or raised, stands in the execution's history.

    All of this runs from its top again after each pause, so whatever acts on the world is in a step.
    """
    source = read_object(event)
    try:
        result = context.wait_for_callback(
            lambda callback_id, _: create_assembly(source, callback_id),
            name="assembly",
            config=WaitForCallbackConfig(timeout=Duration.from_seconds(WAIT_SECONDS), retry_strategy=decide_retry),
        )
        outcome = {"status": json.loads(result)["ok"]}
    except CallbackExternalError as error:
        outcome = {"status": json.loads(error.data)["error"]}  # api2's code
    except CallbackSubmitterError as error:
        outcome = describe_refusal(error)
    except CallbackTimeoutError:
        outcome = look_up(source, context)
    context.step(lambda _: record(source, outcome), name="record")
    return outcome


def read_object(event: Mapping[str, Any]) -> dict[str, str]:
    """Bucket and key of the object, and what tells this writing of it from others.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    bucket, found = event["detail"]["bucket"]["name"], event["detail"]["object"]
    version = found.get("version-id")
    # While versioning is suspended every writing of an object has the version `null`, and they would be one event.
    writing = found["sequencer"] if version in (None, "", "null") else version
    return {"bucket": bucket, "key": found["key"], "id": f"{bucket}/{found['key']}/{writing}"}


def create_assembly(source: Mapping[str, str], callback_id: str) -> None:
    """Have the Assembly made. Returns nothing: a step's result stands in the history, and an Assembly's id lets its
    reader see the files.

    An object is one Assembly however often this runs, so it may be tried again, and an event may come twice.
    """
    invoke(source, callback={"durable": callback_id})


def look_up(source: Mapping[str, str], context: DurableContext) -> dict[str, str]:
    """The outcome when nobody called back: the notification was lost, or it went to the first of two equal events."""
    try:
        config = StepConfig(retry_strategy=decide_retry)
        return {"status": context.step(lambda _: read_status(source), name="status", config=config)}
    except StepError as error:
        return describe_refusal(error)


def read_status(source: Mapping[str, str]) -> str:
    status: str = invoke(source)["status"]
    if status != "ASSEMBLY_COMPLETED":
        raise NotYet(f"{status}: The Assembly has not ended.")
    return status


def invoke(source: Mapping[str, str], **members: Any) -> dict[str, Any]:
    """Ask the Assembly function for the object's Assembly: it makes it, or finds the one that it made before."""
    fields = {"bucket": source["bucket"], "key": source["key"]}
    wanted = {"template": TEMPLATE, "fields": fields, "key": source["id"], **members}
    answer = lambdas.invoke(FunctionName=FUNCTION, Payload=json.dumps(wanted))
    result: dict[str, Any] = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        name = result.get("errorType", "")
        raise (Refused if name in REFUSALS else NotYet)(f"{name}: {result.get('errorMessage', '')}")
    return result


def decide_retry(error: Exception, attempts: int) -> RetryDecision:
    if isinstance(error, Refused):
        return RetryDecision.no_retry()
    return create_retry_strategy(PATIENCE)(error, attempts)


def describe_refusal(error: DurableOperationError) -> dict[str, str]:
    """The outcome of a refusal: its name and its reason.

    Raises the error where it is no refusal. Then the execution fails, and its event waits in the queue, to be sent
    again; were it recorded, it would be the object's outcome for good.
    """
    name, _, reason = (error.message or "").partition(": ")
    if name not in REFUSALS:
        raise error
    return {"status": name, "reason": reason}


def record(source: Mapping[str, str], outcome: Mapping[str, str]) -> None:
    """Write the outcome down, once: an equal event may have been quicker, or a crash hid that this step was done."""
    members = {"object": source["id"], "at": datetime.now(UTC).isoformat(timespec="seconds"), **outcome}
    with suppress(outcomes.exceptions.ConditionalCheckFailedException):
        outcomes.put_item(
            TableName=TABLE,
            Item={name: {"S": value} for name, value in members.items()},
            ConditionExpression="attribute_not_exists(#object)",
            ExpressionAttributeNames={"#object": "object"},
        )
