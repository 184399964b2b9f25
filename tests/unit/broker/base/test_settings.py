"""The settings in Lambda's environment."""

import pytest
from broker.base.settings import Settings, read_settings

VARIABLES = {
    "POWERTOOLS_SERVICE_NAME": "prod",
    "PUBLIC_URL": "https://tokens.example.com",
    "CALLER_NAME": "nightly",
    "SHARED_TABLE": "the-table",
    "AWS_LAMBDA_FUNCTION_NAME": "broker-Assembly",
    "PIPELINE_SECRET": "arn:3",
    "ASSEMBLY_TEMPLATE": "encode",
    "ASSEMBLY_BUCKETS": "originals,more-originals",
    "DEAD_LETTER_QUEUE": "https://sqs.example/dead",
    "MAX_RECEIVES": "5",
    "CREDENTIALS": "default,shop",
    "CREDENTIAL_SECRETS": "arn:1,arn:2",
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKID",
    "AWS_SECRET_ACCESS_KEY": "the-secret",
    "AWS_SESSION_TOKEN": "the-token",
}


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in VARIABLES.items() if name not in names}


def test_every_variable_is_read_and_each_credential_has_the_secret_at_its_place_of_the_other_list() -> None:
    assert read_settings(VARIABLES) == Settings(
        service="prod",
        public_url="https://tokens.example.com",
        caller_name="nightly",
        shared_table="the-table",
        function_name="broker-Assembly",
        pipeline_secret="arn:3",
        assembly_template="encode",
        assembly_buckets=frozenset({"originals", "more-originals"}),
        dead_letter_queue="https://sqs.example/dead",
        max_receives=5,
        secret_ids={"default": "arn:1", "shop": "arn:2"},
        aws_access={
            "region_name": "eu-central-1",
            "aws_access_key_id": "AKID",
            "aws_secret_access_key": "the-secret",
            "aws_session_token": "the-token",
        },
    )


def test_the_representation_of_settings_hides_the_aws_credentials() -> None:
    shown = repr(read_settings(VARIABLES))
    assert "the-table" in shown
    assert not [value for value in ("AKID", "the-secret", "the-token") if value in shown]


@pytest.mark.parametrize(
    "missing", ["POWERTOOLS_SERVICE_NAME", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
)
def test_a_variable_that_is_missing_is_named_by_the_error(missing: str) -> None:
    with pytest.raises(KeyError, match=missing):
        read_settings(without(missing))


OPTIONAL = (
    "PUBLIC_URL",
    "SHARED_TABLE",
    "CALLER_NAME",
    "AWS_LAMBDA_FUNCTION_NAME",
    "PIPELINE_SECRET",
    "ASSEMBLY_TEMPLATE",
    "ASSEMBLY_BUCKETS",
    "DEAD_LETTER_QUEUE",
    "MAX_RECEIVES",
)


@pytest.mark.parametrize("variables", [without(*OPTIONAL), VARIABLES | dict.fromkeys(OPTIONAL, "")])
def test_an_optional_variable_that_is_missing_or_empty_configures_nothing(variables: dict[str, str]) -> None:
    settings = read_settings(variables)
    assert (settings.public_url, settings.shared_table, settings.caller_name) == (None, None, "")
    assert (settings.function_name, settings.pipeline_secret, settings.assembly_template) == ("", "", "")
    assert (settings.assembly_buckets, settings.dead_letter_queue, settings.max_receives) == (frozenset(), None, 1)


@pytest.mark.parametrize(("names", "secrets"), [("default,shop", "arn:1"), ("default", "arn:1,arn:2")])
def test_lists_of_credentials_and_secrets_that_differ_in_length_stop_the_start(names: str, secrets: str) -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        read_settings(VARIABLES | {"CREDENTIALS": names, "CREDENTIAL_SECRETS": secrets})
