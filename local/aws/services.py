"""What the stack has in its AWS: secret and table as the template defines them."""

import json
from collections.abc import Iterable
from typing import Any

import boto3

from local.aws.account import REGION, STACK, Principal
from local.aws.template import Resources


def client(service: str, endpoint: str, principal: Principal) -> Any:
    """boto3's client of one of the stack's services."""
    connect: Any = boto3.client
    return connect(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=principal.access_key,
        aws_secret_access_key=principal.secret_key,
    )


def create_tables(resources: Resources, database: Any, prefix: str = "") -> list[str]:
    """Create the template's tables, each by its logical id after `prefix`; their names. `database`: a client."""
    tables = {name: entry for name, entry in resources.items() if entry["Type"] == "AWS::DynamoDB::Table"}
    for name, entry in tables.items():
        properties = entry["Properties"]
        shape = {member: properties[member] for member in ("AttributeDefinitions", "KeySchema", "BillingMode")}
        database.create_table(TableName=prefix + name, **shape)
        ends = properties["TimeToLiveSpecification"]
        database.update_time_to_live(TableName=prefix + name, TimeToLiveSpecification=ends)
    return [prefix + name for name in tables]


def secret_name(credential: str) -> str:
    """As the template names the secret of `default`: after the stack."""
    return f"{STACK}/{credential}"


def create_secrets(secrets: Any, credentials: Iterable[str], auth_key: str, auth_secret: str) -> dict[str, str]:
    """Create a secret for each of the policy's credentials, and put the Auth Key and Auth Secret into it, as an
    operator would. `secrets`: a client.

    Returns the variables that tell the functions which secret each credential is.
    """
    names = {credential: secret_name(credential) for credential in credentials}
    value = json.dumps({"auth_key": auth_key, "auth_secret": auth_secret})
    for name in names.values():
        secrets.create_secret(Name=name, SecretString=value)
    return {"CREDENTIALS": ",".join(names), "CREDENTIAL_SECRETS": ",".join(names.values())}
