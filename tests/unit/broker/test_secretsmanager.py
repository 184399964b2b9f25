"""GetSecretValue: signed as AWS's own SDK signs it, its errors sorted into those that pass and those that do not."""

import json
from datetime import UTC, datetime
from typing import Any

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from broker.deadline import Deadline
from broker.errors import BrokerFault, TemporarilyUnavailable
from broker.net import OutOfReach
from broker.secretsmanager import READ_SECONDS, Secret, SecretsManager, signed_headers
from broker.settings import AwsAccess
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.brokers import ACCESS, SECRETS_URL
from tests.kit.clock import Clock
from tests.kit.web import Reply, Web, reply

TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)


class Desk:
    def __init__(self, answer: Reply, endpoint: str | None = None) -> None:
        self.clock = Clock()
        self.web = Web()
        self.web[f"{endpoint}/" if endpoint else SECRETS_URL] = answer
        self.manager = SecretsManager(self.web, self.clock, ACCESS, endpoint)

    def read(self, seconds: float = 15) -> Secret:
        return self.manager.read("transloadit/default", Deadline(self.clock, seconds))


GOOD = reply({"VersionId": "v1", "SecretString": "text"})


@given(
    access=st.builds(AwsAccess, st.just("eu-central-1"), TEXT, TEXT, st.none() | TEXT),
    body=st.binary(max_size=200),
    now=st.integers(0, 4_000_000_000),
)
def test_the_signature_is_that_of_aws_s_own_sdk(access: AwsAccess, body: bytes, now: int) -> None:
    request = AWSRequest(
        "POST",
        "https://secretsmanager.eu-central-1.amazonaws.com/",
        data=body,
        headers={
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": "secretsmanager.GetSecretValue",
        },
    )
    signer = botocore.auth.SigV4Auth(
        Credentials(access.access_key, access.secret_key, access.session_token), "secretsmanager", access.region
    )
    moment = datetime.fromtimestamp(now, UTC)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(botocore.auth, "get_current_datetime", lambda **_: moment)
        signer.add_auth(request)
    ours = signed_headers(access, "secretsmanager.eu-central-1.amazonaws.com", body, now)
    assert ours["authorization"] == request.headers["Authorization"]
    assert ours["x-amz-date"] == request.headers["X-Amz-Date"]


def test_the_session_token_is_sent_and_signed() -> None:
    access = AwsAccess("us-east-1", "AKID", "key", "the-session")
    headers = signed_headers(access, "host", b"{}", 0)
    assert headers["x-amz-security-token"] == "the-session"
    assert "x-amz-security-token" in headers["authorization"].partition("SignedHeaders=")[2]


def test_the_current_version_of_the_secret_is_asked_for() -> None:
    desk = Desk(GOOD)
    assert desk.read() == Secret("v1", "text")
    (call,) = desk.web.calls
    assert (call.method, call.url, json.loads(call.body)) == ("POST", SECRETS_URL, {"SecretId": "transloadit/default"})
    assert call.headers["x-amz-target"] == "secretsmanager.GetSecretValue"


def test_a_local_endpoint_is_used_where_one_is_given() -> None:
    desk = Desk(GOOD, "http://127.0.0.1:5000")
    desk.read()
    assert desk.web.calls[0].headers["host"] == "127.0.0.1:5000"


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "secretsmanager.us-east-1.amazonaws.com"),
        ("us-gov-west-1", "secretsmanager.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "secretsmanager.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_each_partition_has_its_own_host(region: str, host: str) -> None:
    web, clock = Web(), Clock()
    web[f"https://{host}/"] = GOOD
    SecretsManager(web, clock, AwsAccess(region, "a", "s", None)).read("id", Deadline(clock, 15))
    assert web.count(f"https://{host}/") == 1


@pytest.mark.parametrize(("seconds", "allowed"), [(15, READ_SECONDS), (2.5, 2.0)])
def test_a_read_ends_in_time(seconds: float, allowed: float) -> None:
    desk = Desk(GOOD)
    desk.read(seconds)
    assert desk.web.calls[0].seconds == pytest.approx(allowed)


def test_no_time_left_means_no_call() -> None:
    desk = Desk(GOOD)
    with pytest.raises(TemporarilyUnavailable):
        desk.read(0.5)
    assert desk.web.calls == []


def aws_error(kind: str, status: int = 400) -> Any:
    return reply({"__type": kind, "Message": "would quote the-arn"}, status)


@pytest.mark.parametrize(
    "answer",
    [
        OutOfReach("timeout"),
        reply(b"<html>", 503),
        reply(b"", 500),
        aws_error("ThrottlingException"),
        aws_error("com.amazonaws.secretsmanager#InternalServiceError", 500),
        aws_error("InternalServiceErrorException"),
        reply({}, 429),
    ],
)
def test_what_passes_by_itself_is_temporary(answer: Reply) -> None:
    with pytest.raises(TemporarilyUnavailable):
        Desk(answer).read()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (aws_error("ResourceNotFoundException"), "secret cannot be read: ResourceNotFoundException"),
        (aws_error("com.amazonaws#AccessDeniedException"), "secret cannot be read: AccessDeniedException"),
        (aws_error("DecryptionFailure"), "secret cannot be read: DecryptionFailure"),
        (aws_error("the-secret in a message"), "secret cannot be read: unknown"),
        (reply({"__type": None}, 403), "secret cannot be read: None"),
        (reply(b"no json", 400), "secret cannot be read: unknown"),
        (reply({}, 302), "secret cannot be read: unknown"),
        (reply({"VersionId": "v1", "SecretBinary": "AAAA"}), "secret has no text"),
        (reply({"SecretString": "text"}), "secret has no text"),
        (reply(b"no json"), "secret has no text"),
    ],
)
def test_what_does_not_pass_is_a_fault_with_aws_s_name_for_it(answer: Reply, reason: str) -> None:
    with pytest.raises(BrokerFault) as raised:
        Desk(answer).read()
    assert raised.value.reason == reason


def test_a_secret_s_representation_hides_its_text() -> None:
    assert "hidden" not in repr(Secret("v1", "hidden"))
