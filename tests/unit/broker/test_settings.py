"""What Lambda's environment tells."""

import pytest
from broker.settings import AwsAccess, aws_access, shared_table

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
