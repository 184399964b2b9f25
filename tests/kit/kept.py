"""What a stack keeps of all that happened in it, and the secrets that must be nowhere in that."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from local.aws.account import make_queue_url
from local.aws.services import client as aws_client
from local.sandbox.model import AuthKey
from tests.kit.leaks import find_secrets
from tests.kit.stacks import Client

LETTERS = make_queue_url("AssemblyDeadLetters")
_READ_SECONDS = 60  # for which a message that was read here is invisible to others


def read_secrets(stack: Client) -> dict[str, str | bytes]:
    """All versions of all secrets in Secrets Manager, and the tokens and signatures that the sandbox has given out."""
    secrets = connect(stack, "secretsmanager")
    found: dict[str, str | bytes] = {"the operator's AWS secret": stack.stack["aws_secret_access_key"]}
    for entry in secrets.list_secrets()["SecretList"]:
        for version in entry["SecretVersionsToStages"]:
            text = secrets.get_secret_value(SecretId=entry["Name"], VersionId=version)["SecretString"]
            name = f"{entry['Name']}, version {version}"
            if text.startswith("{"):
                found[name] = json.loads(text)["auth_secret"]
            else:
                found |= {name: text, f"{name}, its bytes": bytes.fromhex(text)}
    given = stack.api2.send("GET", "/_sandbox/secrets")[1]
    assert given["tokens"], "nothing has happened in this stack"
    found |= {f"bearer token {number}": token for number, token in enumerate(given["tokens"])}
    for number, signature in enumerate(given["signatures"]):
        digits = signature.partition(":")[2]
        found |= {f"signature {number}": digits, f"signature {number}, its bytes": bytes.fromhex(digits)}
    return found


def read_kept(stack: Client) -> dict[str, str]:
    """The text of each log, table and queue, and the statuses of the Assemblies, by a name."""
    kept = stack.logs() | {"statuses of Assemblies": json.dumps(read_statuses(stack))}
    database, queues = connect(stack, "dynamodb"), connect(stack, "sqs")
    for table in database.list_tables()["TableNames"]:
        pages = database.get_paginator("scan").paginate(TableName=table)
        kept[f"table {table}"] = repr([page["Items"] for page in pages])
    for url in queues.list_queues()["QueueUrls"]:
        kept[f"queue {url}"] = repr(read_messages(stack, url))
    return kept


def read_statuses(stack: Client) -> dict[str, dict[str, Any]]:
    """The status of each Assembly that the sandbox has, by its id."""
    owner = AuthKey(stack.stack["auth_key"], stack.stack["auth_secret"])
    rows = stack.api2.signed("GET", "/assemblies", key=owner, pagesize=5000)[1]["items"]
    return {row["id"]: stack.api2.send("GET", f"/assemblies/{row['id']}")[1] for row in rows}


def read_messages(stack: Client, url: str) -> list[dict[str, Any]]:
    """All messages of a queue, which stay there."""
    queues, found = connect(stack, "sqs"), []
    asked = {"QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": _READ_SECONDS}
    while got := queues.receive_message(**asked, MessageAttributeNames=["All"]).get("Messages"):
        found += got
    for message in found:
        queues.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    return found


def connect(stack: Client, service: str) -> Any:
    """The operator's client of a service."""
    return aws_client(service, stack.stack["aws_endpoint_url"], stack.principal)


def search(stack: Client, more: Mapping[str, str] | None = None) -> set[tuple[str, str]]:
    """Which secret of the stack is in which place that it keeps, or in one `more`, such as an execution's history."""
    return find_secrets(read_secrets(stack), {**read_kept(stack), **(more or {})})


def search_records(stack: Client, rights: Iterable[str]) -> set[tuple[str, str]]:
    """Which of these is in a log of the broker's functions, where the audit records are, too.

    `rights`: ids by which whoever knows them may do something, though they are known elsewhere: those of Assemblies,
    callback ids and task tokens.
    """
    logs = {name: text for name, text in stack.logs().items() if "Function-" in name}
    assert any('"audit":{' in text for text in logs.values())
    return find_secrets({right: right for right in rights}, logs)
