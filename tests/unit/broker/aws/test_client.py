"""Calls of AWS: signed, sent to the right host within their bounds, read without trust in the answer."""

import json
import socket
from contextlib import nullcontext
from typing import Any

import pytest
from broker.aws.client import Aws, Reply, make_session
from broker.base.errors import TemporarilyUnavailable
from broker.base.net import OutOfReach
from broker.base.progress import Deadline

from tests.kit.brokers import ACCESS, TABLE_URL
from tests.kit.clock import Clock
from tests.kit.web import Reply as Answered
from tests.kit.web import Web, late, reply

KEY = {"TableName": "t", "Key": {"id": {"S": "a"}}}
BROKEN = reply({"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError"}, 500)


class Desk:
    def __init__(
        self, answer: Answered, access: dict[str, str] = ACCESS, url: str = TABLE_URL, endpoint: str | None = None
    ) -> None:
        self.clock = Clock()
        self.web = Web()
        self.web[url] = answer
        self.aws = Aws(self.web, self.clock, make_session(access), endpoint)

    def call(self, tries: int = 1) -> Reply:
        deadline = Deadline(self.clock, 15)
        return self.aws.call("dynamodb.get_item", KEY, deadline, seconds=0.5, limit=1000, tries=tries)


def test_a_call_is_a_signed_post_of_json_with_its_operation_in_a_header() -> None:
    desk = Desk(reply({"Item": {"id": {"S": "a"}}}))
    assert desk.call() == Reply(200, desk.call().members)
    sent = desk.web.calls[0]
    assert (sent.method, json.loads(sent.body), sent.seconds) == ("POST", KEY, 0.5)
    assert sent.headers["x-amz-target"] == "DynamoDB_20120810.GetItem"
    assert sent.headers["content-type"] == "application/x-amz-json-1.0"
    assert "/us-east-1/dynamodb/aws4_request" in sent.headers["authorization"]


def test_the_session_token_is_sent_and_signed() -> None:
    desk = Desk(reply({}), ACCESS | {"aws_session_token": "the-session"})
    desk.call()
    (sent,) = desk.web.calls
    assert sent.headers["x-amz-security-token"] == "the-session"
    assert "x-amz-security-token" in sent.headers["authorization"].partition("SignedHeaders=")[2]


def test_the_credentials_are_the_function_s_own_whatever_the_variables_say(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "another's")
    desk = Desk(reply({}))
    desk.call()
    (sent,) = desk.web.calls
    assert f"Credential={ACCESS['aws_access_key_id']}/" in sent.headers["authorization"]
    assert "x-amz-security-token" not in sent.headers


def test_nobody_is_asked_for_credentials_or_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start would stall on an instance metadata service that does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as service:
        service.settimeout(0)
        url = f"http://127.0.0.1:{service.getsockname()[1]}"
        monkeypatch.setenv("AWS_DEFAULTS_MODE", "auto")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
        assert Desk(reply({})).call().error is None
        with pytest.raises(BlockingIOError):
            service.accept()


def test_no_call_is_reported_to_a_monitor(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore's client-side monitoring sends the session token by UDP to the host that a variable names."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as monitor:
        monitor.bind(("127.0.0.1", 0))
        monitor.settimeout(0)
        monkeypatch.setenv("AWS_CSM_ENABLED", "true")
        monkeypatch.setenv("AWS_CSM_PORT", str(monitor.getsockname()[1]))
        assert Desk(reply({}), ACCESS | {"aws_session_token": "the-session"}).call().error is None
        with pytest.raises(BlockingIOError):
            monitor.recv(65536)


PLACES = [
    ("us-east-1", {}, "dynamodb.us-east-1.amazonaws.com"),
    ("us-gov-west-1", {}, "dynamodb.us-gov-west-1.amazonaws.com"),
    ("cn-north-1", {}, "dynamodb.cn-north-1.amazonaws.com.cn"),
    ("eusc-de-east-1", {}, "dynamodb.eusc-de-east-1.amazonaws.eu"),
    ("us-east-1", {"AWS_USE_FIPS_ENDPOINT": "true"}, "dynamodb-fips.us-east-1.amazonaws.com"),
    ("us-east-1", {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "dynamodb.us-east-1.api.aws"),
    ("cn-north-1", {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "dynamodb.cn-north-1.api.amazonwebservices.com.cn"),
    ("us-east-1", {"AWS_ENDPOINT_URL_DYNAMODB": "https://vpce-1.example.com"}, "vpce-1.example.com"),
]


@pytest.mark.parametrize(("region", "variables", "host"), PLACES)
def test_the_host_is_what_aws_s_data_and_variables_say(
    region: str, variables: dict[str, str], host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    desk = Desk(reply({}), ACCESS | {"region_name": region}, f"https://{host}/")
    assert desk.call().error is None
    assert f"/{region}/dynamodb/" in desk.web.calls[0].headers["authorization"]
    assert desk.aws.find_origin("dynamodb") == f"https://{host}"


def test_a_local_endpoint_is_used_whatever_the_variables_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://elsewhere.example")
    desk = Desk(reply({}), url="http://127.0.0.1:5000/", endpoint="http://127.0.0.1:5000")
    assert desk.call().error is None
    assert len(desk.web.calls) == 1


def test_a_variable_that_is_no_url_is_a_defect_and_opens_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "not a URL")
    desk = Desk(reply({}))
    with pytest.raises(ValueError, match="Invalid endpoint"):
        desk.call()
    with pytest.raises(OutOfReach, match="no endpoint"):
        desk.aws.find_origin("dynamodb")
    assert desk.web.calls == []


def test_a_call_that_botocore_refuses_is_reported_by_the_name_of_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", "true")
    desk = Desk(reply({}), ACCESS | {"region_name": "us-isof-east-1"})
    assert desk.call() == Reply(0, {}, "EndpointVariantError")
    with pytest.raises(OutOfReach, match="no endpoint"):
        desk.aws.find_origin("dynamodb")
    assert desk.web.calls == []


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ({"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException"}, "ThrottlingException"),
        ({"__type": "ResourceNotFoundException"}, "ResourceNotFoundException"),
        ({"__type": "a#b c"}, "unknown"),
        ({"__type": 5}, "unknown"),
        ({"__type": "A" * 64}, "unknown"),
        ({}, "unknown"),
        ([], "unknown"),
    ],
)
@pytest.mark.parametrize("status", [300, 400, 500])
def test_an_error_is_known_by_its_short_name_in_letters(document: Any, name: str, status: int) -> None:
    assert Desk(reply(document, status)).call() == Reply(status, {}, name if status > 300 else "unknown")


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"Item": 1, "Item": 2}', b'"text"', b'{"Item": []}', b'{"Item": {"a": 5}}']
)
def test_a_body_that_is_no_answer_of_the_service_is_an_unknown_error_and_never_an_empty_answer(body: bytes) -> None:
    got = Desk(reply(body)).call()
    assert (got.status, got.members) == (200, {})
    assert got.error is not None


def test_a_defect_is_not_taken_for_an_answer() -> None:
    def broken() -> Any:
        raise KeyError("a defect")

    with pytest.raises(KeyError):
        Desk(broken).call()
    desk = Desk(broken)
    desk.web.then(TABLE_URL, BROKEN)
    with pytest.raises(KeyError):
        desk.call(tries=2)


@pytest.mark.parametrize(("first", "calls"), [(BROKEN, 2), (OutOfReach("connection"), 2)])
def test_a_call_that_may_pass_the_next_time_is_sent_again_signed_anew(first: Answered, calls: int) -> None:
    desk = Desk(reply({}))
    desk.web.then(TABLE_URL, first)
    assert desk.call(tries=2).error is None
    assert len(desk.web.calls) == calls


def test_the_last_answer_of_several_is_returned() -> None:
    desk = Desk(BROKEN)
    assert desk.call(tries=2) == Reply(500, {}, "InternalServerError")
    assert len(desk.web.calls) == 2


@pytest.mark.parametrize(
    "kind", ["ThrottlingException", "ProvisionedThroughputExceededException", "ValidationException"]
)
def test_a_call_that_another_one_would_not_change_is_sent_once(kind: str) -> None:
    desk = Desk(reply({"__type": kind}, 400))
    assert desk.call(tries=2).error == kind
    assert len(desk.web.calls) == 1


@pytest.mark.parametrize("then", [BROKEN, OutOfReach("timeout")])
def test_a_call_whose_time_is_over_is_not_sent(then: Any) -> None:
    desk = Desk(BROKEN)
    desk.web[TABLE_URL] = late(desk.clock, 0.5, then)
    if isinstance(then, OutOfReach):
        with pytest.raises(OutOfReach):
            desk.call(tries=2)
    else:
        assert desk.call(tries=2).status == 500
    assert len(desk.web.calls) == 1


def test_a_second_try_has_what_the_first_left() -> None:
    desk = Desk(BROKEN)
    desk.web[TABLE_URL] = late(desk.clock, 0.2, BROKEN)
    desk.call(tries=2)
    assert [call.seconds for call in desk.web.calls] == pytest.approx([0.5, 0.3])


class SlowSession:
    """It takes its time to make a client, as the first one of a start does."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds

    def client(self, *arguments: Any, **named: Any) -> Any:
        self._clock.advance(self._seconds)
        make: Any = make_session(ACCESS).client
        return make(*arguments, **named)


@pytest.mark.parametrize("seconds", [1, 20])
def test_the_time_that_making_a_client_takes_counts_for_the_deadline_and_not_for_the_call(seconds: float) -> None:
    clock, web = Clock(), Web()
    web[TABLE_URL] = reply({})
    slow: Any = SlowSession(clock, seconds)
    deadline, aws = Deadline(clock, 15), Aws(web, clock, slow, None)
    passes = pytest.raises(TemporarilyUnavailable) if seconds > 15 else nullcontext()
    with passes:
        aws.call("dynamodb.get_item", KEY, deadline, seconds=0.5, limit=1000)
    assert [call.seconds for call in web.calls] == ([] if seconds > 15 else [0.5])


def test_an_answer_that_asks_for_a_pause_gets_none() -> None:
    """botocore's own second try would sleep for up to six seconds."""
    desk = Desk(reply({"__type": "ThrottlingException"}, 400, x_amz_retry_after="5000"))
    assert desk.call(tries=2).error == "ThrottlingException"


def test_a_reply_s_representation_hides_its_content() -> None:
    assert "hidden" not in repr(Reply(200, {"SecretString": "hidden"}))


def test_a_session_s_representation_hides_the_credentials() -> None:
    assert ACCESS["aws_secret_access_key"] not in repr(make_session(ACCESS))
