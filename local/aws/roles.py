"""Roles: what each function may call of AWS, as the statements of its role in the translated template say.

Deny by default, as IAM has it: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from local.aws.account import Principal, make_arn, make_secret_arn
from local.aws.sigv4 import Sent
from local.aws.template import Resources

# The services whose operation is in the header X-Amz-Target, by what stands before the operation.
_TARGETS = {
    "secretsmanager": "secretsmanager",
    "DynamoDB_20120810": "dynamodb",
    "AmazonSQS": "sqs",
    "AWSStepFunctions": "states",
}
_CALLBACK = re.compile(r"/2025-12-01/durable-execution-callbacks/[^/]+/(succeed|fail)")
_CALLBACKS = {"succeed": "SendDurableExecutionCallbackSuccess", "fail": "SendDurableExecutionCallbackFailure"}


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of a role's policies, whose actions and resources may hold `*` and `?`."""

    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]

    def covers(self, asked: "Asked") -> bool:
        is_named = any(_fits(asked.action.lower(), action.lower()) for action in self.actions)
        return is_named and (asked.resource is None or any(_fits(asked.resource, name) for name in self.resources))


@dataclass(frozen=True, slots=True)
class Session:
    """A principal and what its role allows; for the operator, who may do everything, without statements."""

    function: str
    principal: Principal
    statements: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """An action, such as `sqs:SendMessage`, and the ARN of its resource.

    `resource` is None for a callback: its token does not tell whose it is, so this front cannot look at the resource.
    """

    action: str
    resource: str | None


def _fits(text: str, pattern: str) -> bool:
    return fnmatchcase(text, pattern.replace("[", "[[]"))  # in IAM `[` is no wildcard


def read_role(resources: Resources, function: str) -> tuple[Statement, ...]:
    """The statements of a function's role, by the function's logical id: its own ones, and those of shared policies."""
    role = resources[function]["Properties"]["Role"].rpartition("/")[2]
    documents = [each["PolicyDocument"] for each in resources[role]["Properties"].get("Policies", [])]
    for entry in resources.values():
        if entry["Type"] == "AWS::IAM::Policy" and role in entry["Properties"]["Roles"]:
            documents.append(entry["Properties"]["PolicyDocument"])
    return tuple(each for document in documents for each in read_statements(document["Statement"]))


def read_statements(statements: Iterable[Mapping[str, Any]]) -> Iterator[Statement]:
    """Statements of a policy document. Conditions are not evaluated, so one with a condition never allows anything."""
    for each in statements:
        allows = each["Effect"] == "Allow"
        if not (allows and each.get("Condition")):
            yield Statement(allows, _list(each["Action"]), _list(each["Resource"]))


def _list(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def may(statements: Iterable[Statement], asked: Asked) -> bool:
    """Whether a statement allows this, and none denies it."""
    found = [statement.allows for statement in statements if statement.covers(asked)]
    return bool(found) and all(found)


def read_asked(sent: Sent) -> Asked:
    """What a request asks for. One that is not known here is an action that no role has.

    Of each service only what functions call is known: Secrets Manager, DynamoDB, SQS, callbacks of Lambda and States.
    """
    if callback := _CALLBACK.fullmatch(urlsplit(sent.url).path):
        return Asked(f"lambda:{_CALLBACKS[callback[1]]}", None)
    prefix, _, operation = (sent.headers.get("X-Amz-Target") or "").partition(".")
    service = _TARGETS.get(prefix)
    if service is None:
        return Asked(f"unknown:{operation}", "unknown")
    members = json.loads(sent.body)
    # A batch of SQS needs the right to its single parts:
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
    action = f"{service}:{operation.removesuffix('Batch') if service == 'sqs' else operation}"
    if service == "secretsmanager":
        name = str(members.get("SecretId"))
        return Asked(action, name if name.startswith("arn:") else make_secret_arn(name))
    if service == "dynamodb":
        return Asked(action, make_arn("dynamodb", f"table/{members.get('TableName')}"))
    if service == "sqs":
        return Asked(action, make_arn("sqs", str(members.get("QueueUrl")).rpartition("/")[2]))
    is_task = service == "states" and operation in ("SendTaskSuccess", "SendTaskFailure")
    return Asked(action, None if is_task else "unknown")
