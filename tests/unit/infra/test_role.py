"""What each function may do, and which secret each credential of the policy is: both from the same parameters."""

import json
from typing import Any

import pytest

from tests.kit.deployed import EVERYTHING, FUNCTION_ARN, SECRET_ARN, SOURCE, deployed, of_kind

KMS_ARN = "arn:aws:kms:us-east-1:123456789012:key/1234abcd"
MORE = {"MoreCredentials": "images,video", "MoreSecretArns": f"{SECRET_ARN}1,{SECRET_ARN}2"}
# All functions, and nothing else that has a parameter.
FUNCTIONS = {"IamCallers": "yes", "InvokeCaller": "nightly", "AssemblyCaller": "originals"}
BUCKETS = {"AssemblyTemplate": "encode", "AssemblyBuckets": "originals"}
OWN = {
    "IamFunction": {"IamCredentials": "images,other", "IamSecretArns": f"{SECRET_ARN}1,{SECRET_ARN}3"},
    "TokenFunction": {"InvokeCredentials": "video", "InvokeSecretArns": f"{SECRET_ARN}2"},
    "AssemblyFunction": {"AssemblyCredentials": "encode,video", "AssemblySecretArns": f"{SECRET_ARN}4,{SECRET_ARN}2"},
}
OWN["NotificationFunction"] = OWN["AssemblyFunction"]
OF_PIPELINES = ("AssemblyFunction", "NotificationFunction")
NAMES = ("BrokerFunction", *OWN)
LOG = ("WriteItsOwnLog", ["logs:CreateLogStream", "logs:PutLogEvents"], "BrokerLog.Arn")

Statements = dict[str, dict[str, Any]]


def statements(function: str, **parameters: str) -> Statements:
    """By Sid, those of the function's role, wherever they are written."""
    given = FUNCTIONS | parameters
    name = of_kind("AWS::Lambda::Function", **given)[function]["Role"].removesuffix(".Arn")
    role = of_kind("AWS::IAM::Role", **given)[name]
    assert "ManagedPolicyArns" not in role
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
    shared = [each for each in of_kind("AWS::IAM::Policy", **given).values() if name in each["Roles"]]
    found = [entry for each in [*role["Policies"], *shared] for entry in each["PolicyDocument"]["Statement"]]
    by_sid = {entry["Sid"]: entry for entry in found}
    assert len(by_sid) == len(found)
    return by_sid


def rights(function: str, **parameters: str) -> list[tuple[str, Any, Any]]:
    """Sid, action and resource of each statement."""
    found = statements(function, **parameters)
    assert all(entry["Effect"] == "Allow" for entry in found.values())
    return [(sid, entry["Action"], entry["Resource"]) for sid, entry in found.items()]


def secrets(function: str, **parameters: str) -> dict[str, str]:
    """The secret of each credential, as a function puts the two variables together."""
    variables = of_kind("AWS::Lambda::Function", **FUNCTIONS, **parameters)[function]["Environment"]["Variables"]
    names, arns = variables["CREDENTIALS"].split(","), variables["CREDENTIAL_SECRETS"].split(",")
    return dict(zip(names, arns, strict=True))


def read_by(function: str, **parameters: str) -> list[str]:
    """The secrets that the role may read."""
    (found,) = [
        entry["Resource"]
        for entry in statements(function, **parameters).values()
        if entry["Action"] == "secretsmanager:GetSecretValue"
    ]
    return list(found)


@pytest.mark.parametrize("function", ["BrokerFunction", "IamFunction", "TokenFunction"])
def test_a_function_that_gives_tokens_may_read_its_one_secret_and_write_the_log_and_nothing_else(function: str) -> None:
    assert rights(function) == [("ReadSecretsOfItsCredentials", "secretsmanager:GetSecretValue", ["Secret"]), LOG]


def test_the_assembly_function_may_read_its_secrets_take_from_its_queue_and_keep_what_failed() -> None:
    read = ("ReadPipelineKeyAndItsSecrets", "secretsmanager:GetSecretValue", ["Secret", "PipelineKey"])
    takes = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    keeps = ("KeepWhatFailed", "sqs:SendMessage", "AssemblyDeadLetters.Arn")
    assert rights("AssemblyFunction") == [read, keeps, LOG]
    assert rights("AssemblyFunction", **BUCKETS) == [
        read,
        ("TakeMessagesOfItsQueue", takes, "AssemblyQueue.Arn"),
        keeps,
        LOG,
    ]


def test_the_notification_function_may_read_its_secrets_and_complete_what_the_parameters_name() -> None:
    machines = [f"arn:aws:states:us-east-1:123456789012:stateMachine:{name}" for name in ("one", "two")]
    waiting = {
        "DurableFunctionArns": f"{FUNCTION_ARN}-one,{FUNCTION_ARN}-two",
        "StateMachineArns": ",".join(machines),
    }
    read = ("ReadPipelineKeyAndItsSecrets", "secretsmanager:GetSecretValue", ["Secret", "PipelineKey"])
    assert rights("NotificationFunction") == [read, LOG]
    assert rights("NotificationFunction", SharedCache="yes", **BUCKETS, **waiting) == [
        read,
        (
            "CompleteCallbacksOfTheseFunctions",
            ["lambda:SendDurableExecutionCallbackSuccess", "lambda:SendDurableExecutionCallbackFailure"],
            [f"{FUNCTION_ARN}-one:*", f"{FUNCTION_ARN}-two:*"],
        ),
        ("CompleteTasksOfTheseStateMachines", ["states:SendTaskSuccess", "states:SendTaskFailure"], machines),
        LOG,
    ]


def test_every_function_has_a_role_of_its_own_and_there_is_none_for_a_function_that_is_not_deployed() -> None:
    roles = [each["Role"] for each in of_kind("AWS::Lambda::Function", **EVERYTHING).values()]
    assert len(set(roles)) == len(NAMES)
    assert {f"{name}.Arn" for name in of_kind("AWS::IAM::Role", **EVERYTHING)} == set(roles)
    assert of_kind("AWS::IAM::Role").keys() == {"BrokerRole"}


@pytest.mark.parametrize("function", NAMES)
def test_every_function_waits_for_its_rights_because_lambda_asks_for_those_on_the_vpc_at_once(function: str) -> None:
    assert SOURCE["Resources"][function]["DependsOn"] == "FunctionsPolicy"


@pytest.mark.parametrize("function", NAMES)
def test_the_secret_of_the_credential_default_is_the_one_that_is_created(function: str) -> None:
    assert secrets(function) == {"default": "Secret"}


@pytest.mark.parametrize("function", NAMES)
def test_an_existing_secret_is_used_in_place_of_a_new_one(function: str) -> None:
    assert secrets(function, ExistingSecretArn=SECRET_ARN) == {"default": SECRET_ARN}
    assert read_by(function, ExistingSecretArn=SECRET_ARN)[0] == SECRET_ARN
    assert "Secret" not in deployed(ExistingSecretArn=SECRET_ARN)


def test_further_credentials_have_their_secrets_in_the_same_order_and_are_the_broker_function_s_alone() -> None:
    more = {"default": "Secret", "images": f"{SECRET_ARN}1", "video": f"{SECRET_ARN}2"}
    assert secrets("BrokerFunction", **MORE) == more
    for function in OWN:
        assert secrets(function, **MORE) == {"default": "Secret"}


@pytest.mark.parametrize("function", OWN)
def test_credentials_of_a_function_replace_default_and_are_no_other_function_s(function: str) -> None:
    names, arns = (text.split(",") for text in OWN[function].values())
    assert secrets(function, **OWN[function]) == dict(zip(names, arns, strict=True))
    for other in set(NAMES) - {function} - set(OF_PIPELINES if function in OF_PIPELINES else ()):
        assert secrets(other, **OWN[function]) == {"default": "Secret"}


@pytest.mark.parametrize("function", NAMES)
def test_a_role_reads_exactly_the_secrets_in_its_function_s_variables(function: str) -> None:
    own = {name: text for each in OWN.values() for name, text in each.items()}
    for parameters in ({}, MORE, {"ExistingSecretArn": SECRET_ARN}, {"ExistingSecretArn": SECRET_ARN, **MORE}, own):
        keys = ["PipelineKey"] if function in OF_PIPELINES else []
        assert read_by(function, **parameters) == [*secrets(function, **parameters).values(), *keys]


@pytest.mark.parametrize(
    ("parameter", "needed"),
    [
        ("MoreCredentials", "MoreSecretArns"),
        ("MoreSecretArns", "MoreCredentials"),
        ("IamCredentials", "IamSecretArns"),
        ("IamSecretArns", "IamCredentials"),
        ("InvokeCredentials", "InvokeSecretArns"),
        ("InvokeSecretArns", "InvokeCredentials"),
        ("AssemblyCredentials", "AssemblySecretArns"),
        ("AssemblySecretArns", "AssemblyCredentials"),
        ("AssemblyBuckets", "AssemblyTemplate"),
        ("AssemblyTemplate", "AssemblyBuckets"),
        ("AssemblyBuckets", "AssemblyCaller"),
        ("DurableFunctionArns", "AssemblyCaller"),
        ("StateMachineArns", "AssemblyCaller"),
    ],
)
def test_a_parameter_without_the_one_that_it_needs_is_refused(parameter: str, needed: str) -> None:
    empty = {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]}
    rules = [rule for rule in SOURCE["Rules"].values() if rule["RuleCondition"] == empty]
    asserted = [each["Assert"] for rule in rules for each in rule["Assertions"]]
    assert {"Fn::Not": [{"Fn::Equals": [{"Ref": needed}, ""]}]} in asserted


def test_two_functions_have_no_caller_s_name_in_common() -> None:
    (asserted,) = SOURCE["Rules"]["FunctionsHaveCallersOfTheirOwn"]["Assertions"]
    assert asserted["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "AssemblyCaller"}, {"Ref": "InvokeCaller"}]}]}


@pytest.mark.parametrize("function", NAMES)
def test_a_key_of_one_s_own_may_decrypt_these_secrets_by_way_of_secrets_manager_alone(function: str) -> None:
    decrypt = statements(function, SecretKmsKeyArn=KMS_ARN, **MORE)["DecryptTheseSecrets"]
    assert (decrypt["Action"], decrypt["Resource"]) == ("kms:Decrypt", KMS_ARN)
    assert decrypt["Condition"]["StringEquals"] == {
        "kms:ViaService": "secretsmanager.us-east-1.amazonaws.com",
        "kms:EncryptionContext:SecretARN": read_by(function, **MORE),
    }


def test_rows_of_the_shared_table_may_be_read_written_and_deleted_one_by_one_where_tokens_are_obtained() -> None:
    for function in set(NAMES) - {"NotificationFunction"}:
        assert "dynamodb" not in json.dumps(statements(function))
        statement = statements(function, SharedCache="yes")["UseItsSharedTable"]
        assert set(statement["Action"]) == {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"}
        assert statement["Resource"] == "SharedTable.Arn"


@pytest.mark.parametrize("function", NAMES)
def test_no_right_has_a_wildcard_but_for_a_vpc_and_the_executions_of_a_function(function: str) -> None:
    everything = EVERYTHING | {"SubnetIds": "", "SecurityGroupIds": ""}
    found = statements(function, **everything)
    found.pop("CompleteCallbacksOfTheseFunctions", None)
    assert "*" not in json.dumps(found)


@pytest.mark.parametrize("function", NAMES)
def test_in_a_vpc_lambda_gets_its_network_interfaces_and_the_code_does_not(function: str) -> None:
    found = statements(function, **EVERYTHING)
    joins, denied = found["LetLambdaJoinTheVpc"], found["ButNotTheCode"]
    assert {"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface"} < set(
        joins["Action"]
    )
    assert {entry["Sid"] for entry in found.values() if entry["Resource"] == "*"} == {joins["Sid"], denied["Sid"]}
    assert (denied["Effect"], denied["Action"]) == ("Deny", "ec2:*")
    assert denied["Condition"] == {"Null": {"lambda:SourceFunctionArn": "false"}}


def test_every_role_has_the_permissions_boundary_that_the_account_demands() -> None:
    for bounded in of_kind("AWS::IAM::Role", **EVERYTHING).values():
        assert bounded["PermissionsBoundary"] == EVERYTHING["PermissionsBoundary"]
    for free in of_kind("AWS::IAM::Role", **FUNCTIONS).values():
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
