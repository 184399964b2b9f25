"""What the stack has in its AWS: secret and table as the template defines them."""

import json
from collections.abc import Iterable
from typing import Any

import boto3

from local.account import REGION, Principal
from local.translate import Resources


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


def create_secrets(
    resources: Resources, secrets: Any, credentials: Iterable[str], auth_key: str, auth_secret: str
) -> dict[str, str]:
    """Create a secret for each of the policy's credentials, and put the Auth Key and Auth Secret into it, as an
    operator would. The template's own secret is that of `default`. `secrets`: a client.

    Returns the variables that tell the functions which secret each credential is.
    """
    definition = next(entry for entry in resources.values() if entry["Type"] == "AWS::SecretsManager::Secret")
    secret_names = {name: f"transloadit/{name}" for name in credentials}
    if "default" in secret_names:
        secret_names["default"] = definition["Properties"]["Name"]
    value = json.dumps({"auth_key": auth_key, "auth_secret": auth_secret})
    for name in secret_names.values():
        secrets.create_secret(Name=name, SecretString=value)
    return {"CREDENTIALS": ",".join(secret_names), "CREDENTIAL_SECRETS": ",".join(secret_names.values())}
