"""The broker and the identity that the environment names."""

from pathlib import Path

import pytest
from token_broker_client.errors import TokenError
from token_broker_client.proof import Jwt
from token_broker_client.variables import find_identity, find_url

from tests.kit.token_server import make_jwt

JOB = {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://github.example/", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t"}
LAMBDA = {"AWS_LAMBDA_FUNCTION_NAME": "f"}


def source(environ: dict[str, str]) -> str:
    identity = find_identity(environ)
    assert isinstance(identity, Jwt)
    return identity.source


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"TRANSLOADIT_IDENTITY_TOKEN_FILE": "/jwt", **JOB, **LAMBDA}, "the file /jwt"),
        (
            {"TRANSLOADIT_IDENTITY_TOKEN": "a.b.c", "TRANSLOADIT_IDENTITY_TOKEN_FILE": "", **JOB},
            "the variable TRANSLOADIT_IDENTITY_TOKEN",
        ),
        ({**JOB, **LAMBDA}, "the GitHub Actions job"),
        (LAMBDA, "STS"),
    ],
)
def test_the_identity_is_the_variables_then_the_job_s_then_the_function_s(
    environ: dict[str, str], expected: str
) -> None:
    assert source(environ) == expected


def test_the_file_of_the_environment_is_read_at_each_exchange(tmp_path: Path) -> None:
    identity = find_identity({"TRANSLOADIT_IDENTITY_TOKEN_FILE": str(tmp_path / "jwt")})
    assert isinstance(identity, Jwt)
    for jwt in (make_jwt(n=1), make_jwt(n=2)):
        (tmp_path / "jwt").write_text(jwt)
        assert identity() == jwt


def test_two_identities_are_an_error_that_names_both() -> None:
    with pytest.raises(TokenError, match="TOKEN_FILE and TRANSLOADIT_IDENTITY_TOKEN are set; unset one") as raised:
        find_identity({"TRANSLOADIT_IDENTITY_TOKEN_FILE": "/jwt", "TRANSLOADIT_IDENTITY_TOKEN": "a.b.c"})
    assert raised.value.code == "two_identities"


def test_no_identity_is_an_error_that_says_what_to_set() -> None:
    with pytest.raises(TokenError, match="no identity: set TRANSLOADIT_IDENTITY_TOKEN_FILE") as raised:
        find_identity({})
    assert raised.value.code == "no_identity"
    with pytest.raises(TokenError, match="give the job `permissions: id-token: write`"):
        find_identity({"GITHUB_ACTIONS": "true"})


def test_no_broker_is_an_error_that_says_what_to_set() -> None:
    assert find_url({"TRANSLOADIT_BROKER_URL": "https://tokens.example.com"}) == "https://tokens.example.com"
    for environ in ({}, {"TRANSLOADIT_BROKER_URL": ""}):
        with pytest.raises(TokenError, match="no broker: set TRANSLOADIT_BROKER_URL"):
            find_url(environ)
