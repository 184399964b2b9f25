"""The template as CloudFormation would deploy it with given parameters. SOURCE is the template itself."""

from functools import cache
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from local.aws.template import sections_of

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "template.yaml"
SOURCE: dict[str, Any] = yaml_parse(TEMPLATE.read_text())
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:mine-AbCdEf"
FUNCTION_ARN = "arn:aws:lambda:us-east-1:123456789012:function:pipeline"
# Every optional part is on.
EVERYTHING = {
    "IamCallers": "yes",
    "InvokeCaller": "nightly",
    "IamCredentials": "default,images",
    "IamSecretArns": f"{SECRET_ARN}1,{SECRET_ARN}2",
    "InvokeCredentials": "video",
    "InvokeSecretArns": f"{SECRET_ARN}3",
    "AssemblyCaller": "originals",
    "AssemblyTemplate": "encode",
    "AssemblyBuckets": "originals,more.originals",
    "AssemblyCredentials": "encoding,video",
    "AssemblySecretArns": f"{SECRET_ARN}4,{SECRET_ARN}3",
    "DurableFunctionArns": f"{FUNCTION_ARN}-one,{FUNCTION_ARN}-two",
    "StateMachineArns": "arn:aws:states:us-east-1:123456789012:stateMachine:pipeline",
    "SharedCache": "yes",
    "DomainName": "tokens.example.com",
    "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1",
    "PageTopicArn": "arn:aws:sns:us-east-1:123456789012:page",
    "TicketTopicArn": "arn:aws:sns:us-east-1:123456789012:ticket",
    "LogKmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/log",
    "SecretKmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/secret",
    "ReservedConcurrency": "20",
    "PermissionsBoundary": "arn:aws:iam::123456789012:policy/boundary",
    "SubnetIds": "subnet-0a,subnet-0b",
    "SecurityGroupIds": "sg-0a",
}


@cache
def _sections(parameters: frozenset[tuple[str, str]]) -> dict[str, dict[str, Any]]:
    return sections_of(TEMPLATE.read_text(), dict(parameters))


def deployed(**parameters: str) -> dict[str, Any]:
    """The resources by logical id."""
    return _sections(frozenset(parameters.items()))["Resources"]


def outputs(**parameters: str) -> dict[str, Any]:
    """The values of the outputs by name. An attribute that exists only after a deployment has its name as its value."""
    return {name: each["Value"] for name, each in _sections(frozenset(parameters.items()))["Outputs"].items()}


def of_kind(kind: str, **parameters: str) -> dict[str, Any]:
    """The properties of the resources of a type, by logical id."""
    return {name: entry["Properties"] for name, entry in deployed(**parameters).items() if entry["Type"] == kind}
