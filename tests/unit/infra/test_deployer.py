"""The deployer's rights: enough for every resource of the template by AWS's own lists, and no secret read."""

import json
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import cfnlint
import pytest

from local.aws.template import sections_of
from tests.kit.deployed import EVERYTHING, ROOT, deployed

# Each resource type's schema names the actions that CloudFormation needs to make, change and delete it.
SCHEMAS = Path(cfnlint.__file__).parent / "data/schemas/resources"
TYPES = sorted({resource["Type"] for resource in deployed(**EVERYTHING).values()})
# What those lists name for features that the template does not use.
UNUSED = {
    "dynamodb:*Item": "rows of imports and replicas",
    "dynamodb:*Kinesis*": "streams",
    "dynamodb:*Replica": "global tables",
    "dynamodb:*Import*": "import from S3",
    "dynamodb:*ResourcePolicy": "the table has no resource policy",
    "dynamodb:Query": "replicas",
    "dynamodb:Scan": "replicas",
    "dynamodb:UpdateContributorInsights": "insights",
    "kinesis:*": "streams",
    "apigateway:*agResource": "no such actions in IAM: tags are a PUT on /tags",
    "iam:CreateServiceLinkedRole": "replicas and streams",
    "iam:*UserPolicy": "the policies are on roles",
    "iam:*GroupPolicy": "the policies are on roles",
    "iam:DeleteRolePermissionsBoundary": "who may take the boundary away is not bounded by it",
    "kms:*": "AWS's own keys; for SecretKmsKeyArn there is a statement of its own",
    "elasticfilesystem:*": "no file system",
    "s3files:*": "no file system",
    "s3:ListBucket": "import from S3",
    "s3:GetObjectMetadata": "import from S3",
    "s3:REST.PUT.OBJECT": "log delivery to S3",
    "firehose:*": "log delivery to Firehose",
    "lambda:*CodeSigningConfig": "no code signing",
    "lambda:*ScalingConfig": "no managed instances",
    "lambda:PassCapacityProvider": "no managed instances",
    "lambda:*RecursionConfig": "left as it is",
    "lambda:PutRuntimeManagementConfig": "left as it is",
    "lambda:AssociateRuntimeAlias": "left as it is",
    "lambda:GetLayerVersion": "no layers",
    "lambda:PublishVersion": "no versions",
    "logs:*DataProtectionPolicy": "none",
    "logs:*IndexPolicy": "none",
    "logs:PutLogGroupDeletionProtection": "none",
    "logs:PutBearerTokenAuthentication": "none",
    "logs:DeleteResourcePolicy": "the account's, and other APIs need it",
    "logs:CreateLogStream": "import from S3",
    "logs:PutLogEvents": "import from S3",
    "logs:DescribeLogStreams": "import from S3",
    "secretsmanager:GetSecretValue": "whoever deploys needs no value",
    "secretsmanager:*Replic*": "one Region",
}


@cache
def statements(**parameters: str) -> dict[str, Any]:
    """By Sid, those of both policies."""
    resources = sections_of((ROOT / "infra/deployer.yaml").read_text(), parameters)["Resources"]
    documents = [policy["Properties"]["PolicyDocument"] for policy in resources.values()]
    found = [statement for document in documents for statement in document["Statement"]]
    by_sid = {statement["Sid"]: statement for statement in found}
    assert len(by_sid) == len(found)
    return by_sid


def as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def fits(action: str, pattern: str) -> bool:
    """IAM tells no upper from lower case."""
    return fnmatch(action.lower(), pattern.lower())


def is_granted(action: str) -> bool:
    return any(fits(action, pattern) for each in statements().values() for pattern in as_list(each["Action"]))


@cache
def schemas() -> dict[str, dict[str, Any]]:
    documents = [json.loads(file.read_text()) for file in SCHEMAS.glob("*.json") if _is_of_ours(file)]
    return {document["typeName"]: document for document in documents if document.get("typeName") in TYPES}


def _is_of_ours(file: Path) -> bool:
    text = file.read_text()
    return any(f'"{kind}"' in text for kind in TYPES)


@pytest.mark.parametrize("kind", TYPES)
def test_every_resource_of_the_template_can_be_made_changed_and_deleted(kind: str) -> None:
    handlers = schemas()[kind]["handlers"]
    needed = {
        each
        for name in ("create", "read", "update", "delete")
        for each in handlers.get(name, {}).get("permissions", [])
    }
    used = {action for action in needed if not any(fits(action, pattern) for pattern in UNUSED)}
    assert {action for action in used if not is_granted(action)} == set()


def test_the_policies_fit_into_iam_s_quota_with_the_longest_names() -> None:
    longest = {"StackName": "s" * 32, "SecretName": "n" * 64, "SecretKmsKeyArn": EVERYTHING["SecretKmsKeyArn"] * 2}
    text = (ROOT / "infra/deployer.yaml").read_text()
    for policy in sections_of(text, longest)["Resources"].values():
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
        assert len("".join(json.dumps(policy["Properties"]["PolicyDocument"]).split())) <= 6144


def test_an_access_log_can_be_delivered() -> None:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-V2-CloudWatchLogs.html
    for action in (
        "CreateLogDelivery",
        "GetLogDelivery",
        "UpdateLogDelivery",
        "DeleteLogDelivery",
        "ListLogDeliveries",
    ):
        assert is_granted(f"logs:{action}")
    for action in ("PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups"):
        assert is_granted(f"logs:{action}")


def test_the_deployer_reads_and_writes_no_secret_and_invokes_nothing() -> None:
    for action in (
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
        "lambda:InvokeFunction",
        "sts:AssumeRole",
    ):
        assert not is_granted(action)


def test_rights_on_other_stacks_are_those_that_have_no_resource() -> None:
    wide = {sid for sid, each in statements(StackName="broker").items() if "*" in as_list(each["Resource"])}
    assert wide == {"ReadTemplates", "QueueMapping", "RandomValue", "LogDelivery", "LookAtTheVpc"}
    scoped = statements(StackName="broker").keys() - wide - {"Api", "Artifacts", "LookAtMappings"}
    for sid in scoped:
        own = [arn for arn in as_list(statements(StackName="broker")[sid]["Resource"]) if "broker" in arn]
        others = [arn for arn in as_list(statements(StackName="broker")[sid]["Resource"]) if "broker" not in arn]
        assert own
        assert all("aws-sam-cli-managed-default" in arn or "transform/" in arn for arn in others)


def test_a_queue_is_mapped_to_functions_of_this_stack_alone() -> None:
    mapping = statements(StackName="broker")["QueueMapping"]
    assert mapping["Condition"] == {
        "ArnLike": {"lambda:FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:broker-*"}
    }


def test_a_key_of_one_s_own_encrypts_the_pipeline_key_by_way_of_secrets_manager_alone() -> None:
    key = EVERYTHING["SecretKmsKeyArn"]
    statement = statements(SecretKmsKeyArn=key)["EncryptThePipelineKey"]
    assert (statement["Action"], statement["Resource"]) == (["kms:GenerateDataKey", "kms:Decrypt"], key)
    assert statement["Condition"] == {"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}
    assert "kms:" not in json.dumps(statements())


@pytest.mark.parametrize("name", ["broker/default", "team/transloadit"])
def test_the_secrets_are_those_that_the_stack_makes(name: str) -> None:
    chosen = {} if name == "broker/default" else {"SecretName": name}
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:"
    found = statements(StackName="broker", **chosen)
    assert found["Secret"]["Resource"] == f"{arn}{name}-*"
    assert found["PipelineKey"]["Resource"] == f"{arn}broker/pipeline-key-*"


def test_with_a_boundary_no_role_is_made_without_it() -> None:
    boundary = EVERYTHING["PermissionsBoundary"]
    bounded = statements(PermissionsBoundary=boundary)["MakeTheRole"]
    assert bounded["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    assert {"iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"} <= set(bounded["Action"])
    assert "Condition" not in statements()["MakeTheRole"]
