"""What the functions may do, and which secret each credential of the policy is: both from the same parameters."""

import json
from typing import Any

from tests.kit.deployed import EVERYTHING, SOURCE, deployed, of_kind

SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:mine-AbCdEf"
KMS_ARN = "arn:aws:kms:us-east-1:123456789012:key/1234abcd"
MORE = {"MoreCredentials": "images,video", "MoreSecretArns": f"{SECRET_ARN}1,{SECRET_ARN}2"}


def statements(**parameters: str) -> dict[str, Any]:
    """By Sid."""
    (role,) = of_kind("AWS::IAM::Role", **parameters).values()
    (policy,) = role["Policies"]
    assert "ManagedPolicyArns" not in role
    return {entry["Sid"]: entry for entry in policy["PolicyDocument"]["Statement"]}


def secrets(**parameters: str) -> dict[str, str]:
    """The secret of each credential, as a function puts the two variables together."""
    found = []
    for function in of_kind("AWS::Lambda::Function", IamCallers="yes", InvokeCaller="nightly", **parameters).values():
        variables = function["Environment"]["Variables"]
        names, arns = variables["CREDENTIALS"].split(","), variables["CREDENTIAL_SECRETS"].split(",")
        found.append(dict(zip(names, arns, strict=True)))
    assert found == [found[0]] * 3
    return found[0]


def test_the_function_may_read_its_one_secret_and_write_its_own_log_and_nothing_else() -> None:
    rights = {(str(entry["Action"]), str(entry["Resource"])) for entry in statements().values()}
    assert rights == {
        ("secretsmanager:GetSecretValue", "['Secret']"),
        ("['logs:CreateLogStream', 'logs:PutLogEvents']", "BrokerLog.Arn"),
    }
    assert all(entry["Effect"] == "Allow" for entry in statements().values())


def test_the_secret_of_the_credential_default_is_the_one_that_is_created() -> None:
    assert secrets() == {"default": "Secret"}


def test_an_existing_secret_is_used_in_place_of_a_new_one() -> None:
    assert secrets(ExistingSecretArn=SECRET_ARN) == {"default": SECRET_ARN}
    assert statements(ExistingSecretArn=SECRET_ARN)["ReadSecretsOfItsCredentials"]["Resource"] == [SECRET_ARN]
    assert of_kind("AWS::SecretsManager::Secret", ExistingSecretArn=SECRET_ARN) == {}


def test_further_credentials_have_their_secrets_in_the_same_order() -> None:
    assert secrets(**MORE) == {"default": "Secret", "images": f"{SECRET_ARN}1", "video": f"{SECRET_ARN}2"}


def test_the_role_reads_exactly_the_secrets_in_the_functions_variables() -> None:
    for parameters in ({}, MORE, {"ExistingSecretArn": SECRET_ARN}, {"ExistingSecretArn": SECRET_ARN, **MORE}):
        granted = statements(**parameters)["ReadSecretsOfItsCredentials"]["Resource"]
        assert granted == list(secrets(**parameters).values())


def test_names_without_secrets_and_secrets_without_names_are_refused() -> None:
    asserted = {
        (
            rule["RuleCondition"]["Fn::Not"][0]["Fn::Equals"][0]["Ref"],
            each["Assert"]["Fn::Not"][0]["Fn::Equals"][0]["Ref"],
        )
        for rule in SOURCE["Rules"].values()
        for each in rule["Assertions"]
    }
    assert asserted >= {("MoreCredentials", "MoreSecretArns"), ("MoreSecretArns", "MoreCredentials")}


def test_a_key_of_one_s_own_may_decrypt_these_secrets_by_way_of_secrets_manager_alone() -> None:
    decrypt = statements(SecretKmsKeyArn=KMS_ARN, **MORE)["DecryptTheseSecrets"]
    assert (decrypt["Action"], decrypt["Resource"]) == ("kms:Decrypt", KMS_ARN)
    assert decrypt["Condition"]["StringEquals"] == {
        "kms:ViaService": "secretsmanager.us-east-1.amazonaws.com",
        "kms:EncryptionContext:SecretARN": list(secrets(**MORE).values()),
    }


def test_rows_of_the_shared_table_may_be_read_written_and_deleted_one_by_one_and_nothing_else() -> None:
    assert "dynamodb" not in json.dumps(statements())
    statement = statements(SharedCache="yes")["UseItsSharedTable"]
    assert set(statement["Action"]) == {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"}
    assert statement["Resource"] == "SharedTable.Arn"


def test_no_right_has_a_wildcard_unless_a_vpc_needs_it() -> None:
    everything = EVERYTHING | {"SubnetIds": "", "SecurityGroupIds": ""}
    assert "*" not in json.dumps(statements(**everything))


def test_in_a_vpc_lambda_gets_its_network_interfaces_and_the_code_does_not() -> None:
    found = statements(**EVERYTHING)
    joins, denied = found["LetLambdaJoinTheVpc"], found["ButNotTheCode"]
    assert {"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface"} < set(
        joins["Action"]
    )
    assert {entry["Sid"] for entry in found.values() if entry["Resource"] == "*"} == {joins["Sid"], denied["Sid"]}
    assert (denied["Effect"], denied["Action"]) == ("Deny", "ec2:*")
    assert denied["Condition"] == {"Null": {"lambda:SourceFunctionArn": "false"}}


def test_the_role_has_the_permissions_boundary_that_the_account_demands() -> None:
    (bounded,) = of_kind("AWS::IAM::Role", **EVERYTHING).values()
    assert bounded["PermissionsBoundary"] == EVERYTHING["PermissionsBoundary"]
    (free,) = of_kind("AWS::IAM::Role").values()
    assert "PermissionsBoundary" not in free


def test_the_secret_is_created_without_a_value_and_survives_the_stack_but_not_a_failed_creation() -> None:
    secret = deployed()["Secret"]
    assert not {"SecretString", "GenerateSecretString"} & secret["Properties"].keys()
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
    assert secret["DeletionPolicy"] == "RetainExceptOnCreate"
    assert secret["UpdateReplacePolicy"] == "Retain"


def test_two_stacks_in_one_account_do_not_ask_for_the_same_secret() -> None:
    assert deployed()["Secret"]["Properties"]["Name"] == "local/default"
    assert deployed(SecretName="team/transloadit")["Secret"]["Properties"]["Name"] == "team/transloadit"
