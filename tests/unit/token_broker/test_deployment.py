"""An environment of the deployment: what samconfig.toml and the template say of it."""

import re
from pathlib import Path

import pytest
from token_broker.deployment import FUNCTIONS, Environment, NoEnvironment, Unreadable, read_environment

TEMPLATE = """
Parameters:
  SharedCache: {Default: "no"}
  ExistingSecretArn: {Default: ""}
  MoreCredentials: {Default: ""}
  MoreSecretArns: {Default: ""}
  IamCallers: {Default: "no"}
  IamCredentials: {Default: ""}
  IamSecretArns: {Default: ""}
  InvokeCaller: {Default: ""}
  InvokeCredentials: {Default: ""}
  InvokeSecretArns: {Default: ""}
  AssemblyCaller: {Default: ""}
  AssemblyCredentials: {Default: ""}
  AssemblySecretArns: {Default: ""}
  MemorySize: {Default: 512}
  LogRetentionDays: {Default: 90, AllowedValues: [30, 90]}
  AllowedOrigins: {Default: "", AllowedPattern: "|https://[a-z.]+", ConstraintDescription: https origins without a path}
Resources:
  Api: !Ref Other
"""


def read(folder: Path, overrides: str | None = None, *, command: str = "deploy", more: str = "") -> Environment:
    (folder / "template.yaml").write_text(TEMPLATE)
    config = '[prod.global.parameters]\nstack_name = "broker-prod"\n'
    if overrides is not None:
        head = "" if command == "global" else f"[prod.{command}.parameters]\n"
        config += f"{head}parameter_overrides = {overrides}\n"
    (folder / "samconfig.toml").write_text(f"version = 0.1\n{config}{more}")
    return read_environment("prod", folder)


@pytest.mark.parametrize(
    ("overrides", "has"),
    [
        ('"SharedCache=yes"', True),
        ('"MemorySize=1 SharedCache=yes"', True),
        ('\'ExistingSecretArn="a b" SharedCache="yes"\'', True),
        ('["MemorySize=1", "SharedCache=yes"]', True),
        ('"ParameterKey=SharedCache,ParameterValue=yes"', True),
        ('"SharedCache=no"', False),
        ("'ExistingSecretArn=\"a SharedCache=yes\"'", False),
        ('""', False),
        (None, False),
    ],
)
def test_parameters_are_those_of_the_profile_over_those_of_the_template(
    tmp_path: Path, overrides: str | None, has: bool
) -> None:
    environment = read(tmp_path, overrides)
    assert environment.has_shared_table == has
    assert environment.parameters["MemorySize"] in ("1", "512")


def test_parameters_for_all_commands_count_for_deploy_as_well(tmp_path: Path) -> None:
    assert read(tmp_path, '"SharedCache=yes"', command="global").has_shared_table


def test_the_policy_is_the_root_one_unless_the_profile_names_another(tmp_path: Path) -> None:
    assert read(tmp_path).policy == tmp_path / "policy.yaml"
    assert read(tmp_path, more='[prod.policy]\nfile = "prod.yaml"\n').policy == tmp_path / "prod.yaml"


def test_the_secret_of_default_is_made_by_the_stack_or_named(tmp_path: Path) -> None:
    assert read(tmp_path).secrets == {"default": None}
    assert read(tmp_path, '"ExistingSecretArn=arn:1"').secrets == {"default": "arn:1"}


def test_further_credentials_have_the_secret_at_the_same_place_of_the_other_list(tmp_path: Path) -> None:
    secrets = read(tmp_path, '"MoreCredentials=shop,docs MoreSecretArns=arn:1,arn:2"').secrets
    assert secrets == {"default": None, "shop": "arn:1", "docs": "arn:2"}


def test_a_credential_of_one_function_alone_has_a_secret(tmp_path: Path) -> None:
    found = read(tmp_path, '"AssemblyCredentials=default,media AssemblySecretArns=arn:1,arn:2"')
    # The stack makes the secret of `default`; its ARN is written there once it is known.
    assert found.secrets == {"default": None, "media": "arn:2"}
    assert found.list_credentials("Assembly") == ["default", "media"]


def test_a_function_without_credentials_of_its_own_reads_default_alone(tmp_path: Path) -> None:
    found = read(tmp_path, '"MoreCredentials=shop MoreSecretArns=arn:1 InvokeCredentials=media InvokeSecretArns=arn:2"')
    credentials = {name: found.list_credentials(name) for name in FUNCTIONS}
    assert credentials == {
        "More": ["default", "shop"],
        "Iam": ["default"],
        "Invoke": ["media"],
        "Assembly": ["default"],
    }


def test_an_environment_has_the_functions_that_its_parameters_turn_on(tmp_path: Path) -> None:
    assert [name for name in FUNCTIONS if read(tmp_path).has(name)] == ["More"]
    found = read(tmp_path, '"IamCallers=yes InvokeCaller=a AssemblyCaller=b"')
    assert all(found.has(name) for name in FUNCTIONS)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ('"MoreCredentials=shop"', "not of the same length"),
        ('"MoreSecretArns=arn:1"', "not of the same length"),
        ('"MoreCredentials=shop,shop MoreSecretArns=arn:1,arn:2"', "a name twice"),
        ('"MoreCredentials=default MoreSecretArns=arn:1"', "`default`, which has a secret"),
        ('"IamCredentials=shop"', "IamCredentials and IamSecretArns of `prod` are not of the same length"),
        ('"InvokeCredentials=a,a InvokeSecretArns=arn:1,arn:2"', "InvokeCredentials of `prod` has a name twice"),
        (
            '"MoreCredentials=shop MoreSecretArns=arn:1 AssemblyCredentials=shop AssemblySecretArns=arn:2"',
            "`shop` of `prod` has two secrets; AssemblySecretArns has the second",
        ),
        ('"ExistingSecretArn=arn:1 IamCredentials=default IamSecretArns=arn:2"', "`default` of `prod` has two secrets"),
        ('"SharedCash=yes"', "no parameter SharedCash"),
        ('"SharedCache"', "`SharedCache` is not NAME=VALUE"),
        ('"\'"', r"samconfig\.toml"),
        ("5", "`5` is not NAME=VALUE"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(tmp_path: Path, overrides: str, message: str) -> None:
    with pytest.raises(Unreadable, match=message):
        read(tmp_path, overrides)


@pytest.mark.parametrize("text", ["no toml", "prod = 5", "[prod.global]\nparameters = 5"])
def test_a_file_that_makes_no_sense_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "samconfig.toml").write_text(text)
    with pytest.raises(Unreadable, match=r"samconfig\.toml"):
        read_environment("prod", tmp_path)


def test_a_profile_without_a_stack_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "samconfig.toml").write_text("[prod.deploy.parameters]\n")
    with pytest.raises(Unreadable, match=r"add stack_name to \[prod\.global\.parameters\]"):
        read_environment("prod", tmp_path)


def test_an_unknown_environment_is_refused_with_the_names_of_the_others(tmp_path: Path) -> None:
    read(tmp_path)
    with pytest.raises(NoEnvironment, match="has no environment `prd`; it has prod"):
        read_environment("prd", tmp_path)
    (tmp_path / "samconfig.toml").unlink()
    with pytest.raises(NoEnvironment, match=r"it has none yet\. samconfig\.example\.toml shows how to write one"):
        read_environment("prod", tmp_path)


@pytest.mark.parametrize(
    ("override", "reported"),
    [
        (
            "AllowedOrigins=https://a.example/",
            "AllowedOrigins=https://a.example/ of `prod`: write https origins without a path",
        ),
        ("LogRetentionDays=31", "LogRetentionDays=31 of `prod`: write one of 30, 90"),
    ],
)
def test_a_value_that_the_template_does_not_allow_is_refused_before_it_is_deployed(
    tmp_path: Path, override: str, reported: str
) -> None:
    with pytest.raises(Unreadable, match=re.escape(reported)):
        read(tmp_path, f'"{override}"')


def test_values_that_the_template_allows_are_taken(tmp_path: Path) -> None:
    found = read(tmp_path, '"LogRetentionDays=30 AllowedOrigins=https://a.example"')
    assert (found.parameters["LogRetentionDays"], found.parameters["MemorySize"]) == ("30", "512")
