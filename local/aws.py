"""Secrets Manager for the stack: moto's server, and in it the secret as the template defines it."""

import json
from collections.abc import Iterable
from typing import Any

import boto3

from local.translate import REGION, Resources

# moto checks no signature; these only have to be there.
TEST_CREDENTIALS = {
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
}


def secrets_manager(endpoint: str) -> Any:
    """A client of the stack's Secrets Manager."""
    return boto3.client(
        "secretsmanager",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106 - see TEST_CREDENTIALS
    )


def create_secrets(resources: Resources, endpoint: str, more: Iterable[str], auth_key: str, auth_secret: str) -> None:
    """Create the template's secret, and put the Auth Key and Auth Secret into it, as an operator would.

    The same with `more`, the other secrets that the policy names.
    """
    definition = next(entry for entry in resources.values() if entry["Type"] == "AWS::SecretsManager::Secret")
    properties = definition["Properties"]
    secrets = secrets_manager(endpoint)
    secrets.create_secret(Name=properties["Name"], Description=properties["Description"])
    value = json.dumps({"auth_key": auth_key, "auth_secret": auth_secret})
    secrets.put_secret_value(SecretId=properties["Name"], SecretString=value)
    for name in sorted(set(more) - {properties["Name"]}):
        if not name.startswith("arn:"):
            secrets.create_secret(Name=name, SecretString=value)
