"""GetSecretValue: its errors sorted into those that pass and those that do not."""

import json
from typing import Any

import pytest
from broker.aws.secretsmanager import READ_SECONDS, Secret, SecretsManager
from broker.base.errors import BrokerFault, TemporarilyUnavailable
from broker.base.net import OutOfReach
from broker.base.progress import Deadline

from tests.kit.brokers import ARN, SECRETS_URL, aws_by
from tests.kit.clock import Clock
from tests.kit.web import Reply, Web, reply


class Desk:
    def __init__(self, answer: Reply) -> None:
        self.clock = Clock()
        self.web = Web()
        self.web[SECRETS_URL] = answer
        self.manager = SecretsManager(aws_by(self.web, self.clock))

    def read(self, seconds: float = 15) -> Secret:
        return self.manager.read("transloadit/default", Deadline(self.clock, seconds))


GOOD = reply({"ARN": ARN, "VersionId": "v1", "SecretString": "text"})


def test_the_current_version_of_the_secret_is_asked_for() -> None:
    desk = Desk(GOOD)
    assert desk.read() == Secret(ARN, "v1", "text")
    (call,) = desk.web.calls
    assert (call.method, call.url, json.loads(call.body)) == ("POST", SECRETS_URL, {"SecretId": "transloadit/default"})
    assert call.headers["x-amz-target"] == "secretsmanager.GetSecretValue"


@pytest.mark.parametrize(("seconds", "allowed"), [(15, READ_SECONDS), (2.5, 2.0)])
def test_a_read_ends_in_time(seconds: float, allowed: float) -> None:
    desk = Desk(GOOD)
    desk.read(seconds)
    assert desk.web.calls[0].seconds == pytest.approx(allowed)


def test_a_read_with_no_time_left_makes_no_call() -> None:
    desk = Desk(GOOD)
    with pytest.raises(TemporarilyUnavailable):
        desk.read(0.5)
    assert desk.web.calls == []


def test_a_read_that_failed_once_is_sent_again() -> None:
    desk = Desk(GOOD)
    desk.web.then(SECRETS_URL, reply(b"", 500))
    assert desk.read() == Secret(ARN, "v1", "text")


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
def test_a_failure_that_passes_by_itself_is_temporary(answer: Reply) -> None:
    with pytest.raises(TemporarilyUnavailable):
        Desk(answer).read()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (aws_error("ResourceNotFoundException"), "secret cannot be read: ResourceNotFoundException"),
        (aws_error("com.amazonaws#AccessDeniedException"), "secret cannot be read: AccessDeniedException"),
        (aws_error("DecryptionFailure"), "secret cannot be read: DecryptionFailure"),
        (aws_error("the-secret in a message"), "secret cannot be read: unknown"),
        (reply({"__type": None}, 403), "secret cannot be read: unknown"),
        (reply(b"no json", 400), "secret cannot be read: unknown"),
        (reply({}, 302), "secret cannot be read: unknown"),
        (reply({"ARN": ARN, "VersionId": "v1", "SecretBinary": "AAAA"}), "secret has no text"),
        (reply({"ARN": ARN, "SecretString": "text"}), "secret has no text"),
        (reply({"VersionId": "v1", "SecretString": "text"}), "secret has no text"),
        (reply(b"no json"), "secret cannot be read: unknown"),
        (reply({"ARN": ARN, "VersionId": "v1", "SecretString": 5}), "secret has no text"),
        (reply({"CreatedDate": {}}), "secret cannot be read: unknown"),
    ],
)
def test_a_failure_that_does_not_pass_is_a_fault_with_the_name_that_aws_gives_it(answer: Reply, reason: str) -> None:
    with pytest.raises(BrokerFault) as raised:
        Desk(answer).read()
    assert raised.value.reason == reason


def test_a_secret_s_representation_hides_its_text() -> None:
    assert "hidden" not in repr(Secret(ARN, "v1", "hidden"))


def test_the_version_before_is_asked_for_by_its_stage() -> None:
    desk = Desk(reply({"ARN": ARN, "VersionId": "v0", "SecretString": "old", "CreatedDate": 1_700_000_000.5}))
    found = desk.manager.read_previous("transloadit/default", Deadline(desk.clock, 15))
    assert found == Secret(ARN, "v0", "old", 1_700_000_000.5)
    assert json.loads(desk.web.calls[0].body) == {"SecretId": "transloadit/default", "VersionStage": "AWSPREVIOUS"}


def test_a_secret_that_was_never_rotated_has_no_version_before() -> None:
    desk = Desk(aws_error("ResourceNotFoundException"))
    assert desk.manager.read_previous("transloadit/default", Deadline(desk.clock, 15)) is None
