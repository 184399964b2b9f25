"""What Lambda's environment tells."""

import pytest
from broker.settings import AwsAccess, aws_access

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
