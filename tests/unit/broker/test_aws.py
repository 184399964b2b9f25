"""Calls of AWS: signed as its own SDK signs them, sent to the right host, read without trust in what comes back."""

import json
from datetime import UTC, datetime
from typing import Any

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from broker import dynamodb, secretsmanager
from broker.aws import Aws, Reply, Service, signed_headers
from broker.settings import AwsAccess
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.brokers import ACCESS
from tests.kit.clock import Clock
from tests.kit.web import Web, reply

TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)
OPERATIONS = {secretsmanager.SERVICE: "GetSecretValue", dynamodb.SERVICE: "PutItem"}


@given(
    access=st.builds(AwsAccess, st.just("eu-central-1"), TEXT, TEXT, st.none() | TEXT),
    service=st.sampled_from(list(OPERATIONS)),
    body=st.binary(max_size=200),
    now=st.integers(0, 4_000_000_000),
)
def test_the_signature_is_that_of_aws_s_own_sdk(access: AwsAccess, service: Service, body: bytes, now: int) -> None:
    host, target = f"{service.name}.eu-central-1.amazonaws.com", f"{service.target}.{OPERATIONS[service]}"
    headers = {"content-type": f"application/x-amz-json-{service.json}", "x-amz-target": target}
    request = AWSRequest("POST", f"https://{host}/", data=body, headers=headers)
    given_access = Credentials(access.access_key, access.secret_key, access.session_token)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(botocore.auth, "get_current_datetime", lambda **_: datetime.fromtimestamp(now, UTC))
        botocore.auth.SigV4Auth(given_access, service.name, access.region).add_auth(request)
    ours = signed_headers(access, service, OPERATIONS[service], host, body, now)
    assert ours["authorization"] == request.headers["Authorization"]
    assert ours["x-amz-date"] == request.headers["X-Amz-Date"]


def test_the_session_token_is_sent_and_signed() -> None:
    access = AwsAccess("us-east-1", "AKID", "key", "the-session")
    headers = signed_headers(access, dynamodb.SERVICE, "GetItem", "host", b"{}", 0)
    assert headers["x-amz-security-token"] == "the-session"
    assert "x-amz-security-token" in headers["authorization"].partition("SignedHeaders=")[2]


def call(url: str, answer: Any, access: AwsAccess = ACCESS, endpoint: str | None = None) -> tuple[Reply, Web]:
    web, clock = Web(), Clock()
    web[url] = answer
    got = Aws(web, clock, access, dynamodb.SERVICE, endpoint).call("GetItem", {"TableName": "t"}, 0.5, 1000)
    return got, web


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "dynamodb.us-east-1.amazonaws.com"),
        ("us-gov-west-1", "dynamodb.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "dynamodb.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_each_partition_has_its_own_host(region: str, host: str) -> None:
    got, web = call(f"https://{host}/", reply({}), AwsAccess(region, "a", "s", None))
    assert got == Reply(200, {})
    assert web.calls[0].headers["host"] == host


def test_a_local_endpoint_is_used_where_one_is_given() -> None:
    _, web = call("http://127.0.0.1:5000/", reply({}), endpoint="http://127.0.0.1:5000")
    assert web.calls[0].headers["host"] == "127.0.0.1:5000"


def test_a_call_is_a_post_of_json_with_its_operation_in_a_header() -> None:
    _, web = call("https://dynamodb.us-east-1.amazonaws.com/", reply({}))
    (sent,) = web.calls
    assert (sent.method, json.loads(sent.body), sent.seconds) == ("POST", {"TableName": "t"}, 0.5)
    assert sent.headers["x-amz-target"] == "DynamoDB_20120810.GetItem"
    assert sent.headers["content-type"] == "application/x-amz-json-1.0"


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ({"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException"}, "ThrottlingException"),
        ({"__type": "ResourceNotFoundException"}, "ResourceNotFoundException"),
        ({"__type": "a#b c"}, "unknown"),
        ({"__type": 5}, "unknown"),
        ({"__type": "A" * 64}, "unknown"),
        ({}, "unknown"),
        (None, "unknown"),
    ],
)
def test_an_error_is_known_by_its_short_name_in_letters(document: Any, name: str) -> None:
    assert Reply(400, document).error == name


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"a": 1, "a": 2}', b'"text"'])
def test_what_is_no_json_object_is_none(body: bytes) -> None:
    got, _ = call("https://dynamodb.us-east-1.amazonaws.com/", reply(body))
    assert got == Reply(200, None)


def test_a_reply_s_representation_hides_what_was_said() -> None:
    assert "hidden" not in repr(Reply(200, {"SecretString": "hidden"}))
