"""The settings in Lambda's environment."""

import pytest
from broker.base.settings import AwsAccess, aws_access, credential_secrets, public_url, shared_table

VARIABLES = {
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKID",
    "AWS_SECRET_ACCESS_KEY": "the-secret",
    "AWS_SESSION_TOKEN": "the-token",
}


def test_access_is_read_and_does_not_show() -> None:
    access = aws_access(VARIABLES)
    assert access == AwsAccess("eu-central-1", "AKID", "the-secret", "the-token")
    assert "the-" not in repr(access)


@pytest.mark.parametrize("missing", ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_a_missing_variable_is_named(missing: str) -> None:
    with pytest.raises(KeyError, match=missing):
        aws_access({name: value for name, value in VARIABLES.items() if name != missing})


@pytest.mark.parametrize(
    ("variables", "name"), [({"SHARED_TABLE": "t"}, "t"), ({"SHARED_TABLE": ""}, None), ({}, None)]
)
def test_the_shared_table_is_named_or_there_is_none(variables: dict[str, str], name: str | None) -> None:
    assert shared_table(variables) == name


def test_each_credential_is_the_secret_at_the_same_place_of_the_other_list() -> None:
    told = {"CREDENTIALS": "default,shop", "CREDENTIAL_SECRETS": "arn:1,arn:2"}
    assert credential_secrets(told) == {"default": "arn:1", "shop": "arn:2"}


@pytest.mark.parametrize(("names", "secrets"), [("default,shop", "arn:1"), ("default", "arn:1,arn:2")])
def test_lists_of_credentials_and_secrets_that_differ_in_length_stop_the_start(names: str, secrets: str) -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        credential_secrets({"CREDENTIALS": names, "CREDENTIAL_SECRETS": secrets})


@pytest.mark.parametrize(
    ("variables", "url"),
    [({"PUBLIC_URL": "https://a.example"}, "https://a.example"), ({"PUBLIC_URL": ""}, None), ({}, None)],
)
def test_the_public_url_is_configured_or_there_is_none(variables: dict[str, str], url: str | None) -> None:
    assert public_url(variables) == url
