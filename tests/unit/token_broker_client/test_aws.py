"""The identities of an AWS role: a JWT by STS, and a signed request."""

from typing import Any

import boto3
import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, CredentialRetrievalError, EndpointConnectionError
from token_broker_client import TokenError, TokenProvider, iam, sts
from token_broker_client.proof import Request

from tests.kit.token_server import TokenServer, make_jwt, token

REQUEST = Request("https://abc123.execute-api.eu-central-1.amazonaws.com", {"grant_type": "client_credentials"})
NAMES = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_SESSION_TOKEN": "session"}


@pytest.fixture
def role(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**NAMES, "AWS_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(name, value)


class Sts:
    """In the place of boto3's client: the answer or error of a test, and what was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: dict[str, Any] = {}

    def get_web_identity_token(self, **asked: Any) -> Any:
        self.asked = asked
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Any:
    def answer(value: Any) -> Sts:
        made = Sts(value)
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        monkeypatch.setattr(boto3.Session, "client", lambda *_, **__: made)
        return made

    return answer


def test_sts_signs_a_jwt_of_five_minutes_for_the_broker_s_url(answering: Any) -> None:
    asked = answering({"WebIdentityToken": make_jwt(sub="role")})
    assert sts().prove(REQUEST).jwt == make_jwt(sub="role")
    assert asked.asked == {"Audience": [REQUEST.origin], "SigningAlgorithm": "RS256", "DurationSeconds": 300}
    sts("mine").prove(REQUEST)
    assert asked.asked["Audience"] == ["mine"]


def test_boto3_knows_the_call_and_its_members(role: None) -> None:
    members = (
        boto3.client("sts", region_name="eu-west-1")
        .meta.service_model.operation_model("GetWebIdentityToken")
        .input_shape.members
    )
    assert {"Audience", "SigningAlgorithm", "DurationSeconds"} <= members.keys()


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (
            ClientError({"Error": {"Code": "OutboundWebIdentityFederationDisabledException"}}, "x"),
            "bad_identity",
            "OutboundWebIdentityFederationDisabledException (an administrator turns it on",
        ),
        (ClientError({"Error": {"Code": "AccessDenied", "Message": "s3cret"}}, "x"), "bad_identity", "AccessDenied"),
        (ClientError({"Error": {"Code": "Throttling"}}, "x"), "unreachable", "STS is busy: Throttling"),
        (
            ClientError({"Error": {"Code": "InternalFailure"}, "ResponseMetadata": {"HTTPStatusCode": 500}}, "x"),
            "unreachable",
            "STS is busy: InternalFailure",
        ),
        (EndpointConnectionError(endpoint_url="https://sts"), "unreachable", "STS cannot be reached"),
        (AttributeError("get_web_identity_token"), "bad_identity", "is boto3 recent?"),
    ],
)
def test_a_failure_of_sts_is_told_by_its_code(answering: Any, error: Exception, code: str, message: str) -> None:
    answering(error)
    with pytest.raises(TokenError) as raised:
        sts().prove(REQUEST)
    assert raised.value.code == code
    assert message in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_without_a_region_or_credentials_the_message_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    with pytest.raises(TokenError, match="set AWS_REGION"):
        sts().prove(REQUEST)
    with pytest.raises(TokenError, match="set AWS_REGION"):
        iam().prove(Request("https://tokens.example.com", {}))
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    for identity in (iam(), sts()):
        with pytest.raises(TokenError, match="no AWS credentials"):
            identity.prove(REQUEST)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CredentialRetrievalError(provider="container", error_msg="s3cret"), "unreachable"),
        (ClientError({"Error": {"Code": "AccessDenied"}}, "AssumeRole"), "bad_identity"),
    ],
)
def test_credentials_that_cannot_be_renewed_are_an_error_of_this_package(
    role: None, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    def renew(_: Credentials) -> None:
        raise error

    monkeypatch.setattr(Credentials, "get_frozen_credentials", renew)
    with pytest.raises(TokenError, match="credentials cannot be read") as raised:
        iam().prove(REQUEST)
    assert raised.value.code == code
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("origin", "given", "region"),
    [
        (REQUEST.origin, None, "eu-central-1"),
        ("https://tokens.example.com", None, "eu-west-1"),
        (REQUEST.origin, "us-east-1", "us-east-1"),
    ],
)
def test_a_request_is_signed_for_the_broker_s_region(role: None, origin: str, given: str | None, region: str) -> None:
    proven = iam(given).prove(Request(origin, REQUEST.fields))
    assert proven.path == "/iam/token"
    assert f"/{region}/execute-api/aws4_request" in proven.headers["authorization"]
    assert "s3cret" not in repr(proven) + str(proven.headers)


def test_a_signed_request_has_each_header_once_and_no_jwt(role: None, broker: TokenServer) -> None:
    broker.then(token())
    assert TokenProvider(broker.origin, iam())() == "bearer-1"
    (call,) = broker.calls
    assert call.path == "/iam/token"
    assert call.headers["content-type"] == "application/x-www-form-urlencoded"
    assert call.headers["x-amz-security-token"] == "session"
    assert call.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKID/")
