"""Secrets Manager and DynamoDB: the clients, and the secrets and tables that the template defines."""

import json
from collections.abc import Mapping
from typing import Any

import boto3

from local.aws.account import REGION, STACK, Principal
from local.aws.template import Resources


def client(service: str, endpoint: str, principal: Principal) -> Any:
    """A boto3 client of `secretsmanager` or `dynamodb` at the stack's endpoint."""
    connect: Any = boto3.client
    return connect(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=principal.access_key,
        aws_secret_access_key=principal.secret_key,
    )


def create_tables(resources: Resources, database: Any, prefix: str = "") -> list[str]:
    """Create the template's tables with the DynamoDB client `database`. Returns their names: prefix and logical id."""
    tables = {name: entry for name, entry in resources.items() if entry["Type"] == "AWS::DynamoDB::Table"}
    for name, entry in tables.items():
        properties = entry["Properties"]
        shape = {member: properties[member] for member in ("AttributeDefinitions", "KeySchema", "BillingMode")}
        database.create_table(TableName=prefix + name, **shape)
        ends = properties["TimeToLiveSpecification"]
        database.update_time_to_live(TableName=prefix + name, TimeToLiveSpecification=ends)
    return [prefix + name for name in tables]


def secret_name(credential: str) -> str:
    """The name of a credential's secret: it begins with the stack's name, as in the template."""
    return f"{STACK}/{credential}"


def create_secrets(secrets: Any, pairs: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Create a secret for each credential, as an operator would. `pairs`: Auth Key and Auth Secret by credential.

    `secrets` is a Secrets Manager client. Returns the environment variables by which the functions find the secrets.
    """
    names = {credential: secret_name(credential) for credential in pairs}
    for credential, (auth_key, auth_secret) in pairs.items():
        value = json.dumps({"auth_key": auth_key, "auth_secret": auth_secret})
        secrets.create_secret(Name=names[credential], SecretString=value)
    return {"CREDENTIALS": ",".join(names), "CREDENTIAL_SECRETS": ",".join(names.values())}
