"""The services that moto stands in for: their clients, and what the template defines in them."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import boto3

from local.aws.account import ARN_SUFFIX, REGION, STACK, Principal, make_arn
from local.aws.template import Resources

QUEUE = "AssemblyQueue"  # the template's queue of new objects
# moto takes a resource's random part from this tag: here the end of a secret's ARN.
_TAGS = [{"Key": "_custom_id_", "Value": ARN_SUFFIX}]


def client(service: str, endpoint: str, principal: Principal) -> Any:
    """A boto3 client of a service, such as `secretsmanager`, at the stack's endpoint."""
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


def create_secrets(secrets: Any, resources: Resources, pairs: Mapping[str, tuple[str, str]]) -> None:
    """Create a secret for each credential, as an operator would, and those that CloudFormation generates.

    `secrets` is a Secrets Manager client. `pairs`: Auth Key and Auth Secret by credential.
    """
    for credential, (auth_key, auth_secret) in pairs.items():
        value = json.dumps({"auth_key": auth_key, "auth_secret": auth_secret})
        secrets.create_secret(Name=secret_name(credential), SecretString=value, Tags=_TAGS)
    for properties in _list_properties(resources, "AWS::SecretsManager::Secret"):
        # The template's other secrets are made without a value.
        if "GenerateSecretString" in properties:
            generated = secrets.get_random_password(**properties["GenerateSecretString"])["RandomPassword"]
            secrets.create_secret(Name=properties["Name"], SecretString=generated, Tags=_TAGS)


def create_queues(queues: Any, resources: Resources) -> None:
    """Create the template's queues with the SQS client `queues`, each after the queue of its dead letters."""
    found = {name: entry["Properties"] for name, entry in resources.items() if entry["Type"] == "AWS::SQS::Queue"}
    for name, properties in sorted(found.items(), key=lambda each: "RedrivePolicy" in each[1]):
        attributes = {
            attribute: json.dumps(value)
            if isinstance(value, dict)
            else str(value).lower()
            if value is True
            else str(value)
            for attribute, value in properties.items()
        }
        queues.create_queue(QueueName=name, Attributes=attributes)


def create_buckets(storage: Any, names: Iterable[str]) -> None:
    """Create buckets whose new objects the queue is told of, as an operator would. `storage` is an S3 client."""
    told = {"QueueArn": make_arn("sqs", QUEUE), "Events": ["s3:ObjectCreated:*"]}
    for name in names:
        storage.create_bucket(Bucket=name)
        storage.put_bucket_notification_configuration(
            Bucket=name, NotificationConfiguration={"QueueConfigurations": [told]}
        )


def _list_properties(resources: Resources, kind: str) -> list[dict[str, Any]]:
    return [entry["Properties"] for entry in resources.values() if entry["Type"] == kind]
