"""What the template's references stand for in the stack, before anything is made."""

import json
from pathlib import Path
from typing import Any

from local.aws.account import make_arn, make_queue_url, make_secret_arn
from local.aws.template import resources_of, translated

TEMPLATE = {
    "Transform": "AWS::Serverless-2016-10-31",
    "Resources": {
        "Key": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": {"Fn::Sub": "${AWS::StackName}/key"}}},
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {}},
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {}},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {}},
        "Told": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Secret": {"Ref": "Key"},
                "Queue": {"Ref": "Queue"},
                "QueueArn": {"Fn::GetAtt": ["Queue", "Arn"]},
                "Table": {"Ref": "Table"},
                "TableArn": {"Fn::GetAtt": "Table.Arn"},
                "Role": {"Fn::GetAtt": "Role.Arn"},
                "Self": {"Fn::Sub": "${Told} ${Told.Arn}"},
                "Unknown": {"Fn::GetAtt": "Queue.QueueName"},
            },
        },
    },
}


def told(resources: dict[str, Any]) -> dict[str, Any]:
    return dict(resources["Told"]["Properties"])


def test_references_stand_for_the_names_urls_and_arns_that_the_resources_will_have(tmp_path: Path) -> None:
    file = tmp_path / "template.yaml"
    file.write_text(json.dumps(TEMPLATE))
    for _ in ("translated", "kept"):
        assert told(translated(file, {}, tmp_path)) == {
            "Secret": make_secret_arn("local/key"),
            "Queue": make_queue_url("Queue"),
            "QueueArn": make_arn("sqs", "Queue"),
            "Table": "Table",
            "TableArn": make_arn("dynamodb", "table/Table"),
            "Role": "arn:aws:iam::123456789012:role/Role",
            "Self": f"Told {make_arn('lambda', 'function:Told')}",
            "Unknown": "Queue.QueueName",
        }


def test_references_keep_the_template_s_own_names_where_its_text_is_looked_at() -> None:
    found = told(resources_of(json.dumps(TEMPLATE), {}))
    assert (found["Secret"], found["QueueArn"], found["Self"]) == ("Key", "Queue.Arn", "Told Told.Arn")
