"""The secret: read every 5 minutes, kept through failures for an hour; a refused version rests for 60 seconds."""

import json
import threading
from typing import Any

import pytest
from broker.aws.secretsmanager import Secret
from broker.base.audit import Notes
from broker.base.errors import BrokerError, BrokerFault, TemporarilyUnavailable
from broker.base.progress import Deadline, Progress
from broker.token.credentials import Credential, Credentials

from tests.kit.clock import Clock

DOWN = TemporarilyUnavailable("Secrets Manager out of reach")
GONE = BrokerFault("secret cannot be read: ResourceNotFoundException")


def secret(version: str = "v1", **changes: Any) -> Secret:
    return Secret("arn", version, json.dumps({"auth_key": "key", "auth_secret": "secret"} | changes))


class Desk:
    """Credentials over a store that gives the answers of the test."""

    def __init__(self, answer: Secret | BrokerError | None = None) -> None:
        self.clock = Clock()
        self.answer: Secret | BrokerError = answer or secret()
        self.reads: list[str] = []
        self.notes = Notes()
        read = lambda secret_id, deadline: self.read(secret_id, deadline)  # noqa: E731 - a test replaces it
        self.credentials = Credentials({"default": "the/id"}, read, self.clock)

    def read(self, secret_id: str, deadline: Deadline) -> Secret:
        self.reads.append(secret_id)
        if isinstance(self.answer, BrokerError):
            raise self.answer
        return self.answer

    def current(self, seconds: float = 15) -> Credential:
        return self.credentials.get("default", Progress(Deadline(self.clock, seconds), self.notes))

    def fresh(self) -> Credential:
        return self.credentials.read("default", Deadline(self.clock, 15))


def test_a_credential_is_the_secret_of_its_name() -> None:
    desk = Desk()
    assert desk.current() == Credential("default", "arn", "v1", "key", "secret")
    assert desk.reads == ["the/id"]


def test_a_credential_for_which_the_deployment_names_no_secret_is_a_fault_that_says_so() -> None:
    desk = Desk()
    with pytest.raises(BrokerFault, match="the deployment gives this function no secret for this credential"):
        desk.credentials.read("shop", Deadline(desk.clock, 15))
    assert desk.reads == []


def test_a_secret_is_read_again_after_five_minutes_and_not_before() -> None:
    desk = Desk()
    desk.current()
    desk.clock.advance(299.9)
    desk.current()
    assert len(desk.reads) == 1
    desk.answer = secret("v2")
    desk.clock.advance(0.1)
    assert desk.current().version == "v2"
    assert len(desk.reads) == 2


@pytest.mark.parametrize("failure", [DOWN, GONE, secret(auth_secret=None)], ids=["down", "gone", "malformed"])
def test_a_known_good_secret_is_kept_through_any_failure_with_an_alarm(failure: Any) -> None:
    desk = Desk()
    desk.current()
    desk.answer = failure
    desk.clock.advance(3599)
    assert desk.current().version == "v1"
    assert desk.notes.alarms == {"StaleSecret"}


@pytest.mark.parametrize("failure", [DOWN, GONE], ids=["down", "gone"])
def test_a_known_good_secret_is_kept_for_an_hour_after_it_was_read_and_no_longer(failure: BrokerError) -> None:
    desk = Desk()
    desk.current()
    desk.answer = failure
    desk.clock.advance(3600)
    with pytest.raises(type(failure)):
        desk.current()


def test_reads_that_fail_are_thirty_seconds_apart() -> None:
    desk = Desk()
    desk.current()
    desk.answer = DOWN
    desk.clock.advance(300)
    for _ in range(10):
        desk.current()
    assert len(desk.reads) == 2
    desk.clock.advance(30)
    desk.current()
    assert len(desk.reads) == 3


def test_one_request_reads_the_secret_again_while_the_others_use_the_known_one() -> None:
    desk = Desk()
    desk.current()
    desk.clock.advance(300)
    meanwhile: list[Credential] = []

    def slow(secret_id: str, deadline: Deadline) -> Secret:
        other = threading.Thread(target=lambda: meanwhile.append(desk.current()))
        other.start()
        other.join(10)
        return secret("v2")

    desk.read = slow  # type: ignore[method-assign]
    assert desk.current().version == "v2"
    assert [credential.version for credential in meanwhile] == ["v1"]


def test_a_clock_that_is_set_back_causes_a_read_and_no_longer_life() -> None:
    desk = Desk()
    desk.current()
    desk.clock.advance(-1)
    desk.current()
    assert len(desk.reads) == 2


@pytest.mark.parametrize("failure", [DOWN, GONE], ids=["down", "gone"])
def test_a_failed_read_without_a_known_good_secret_is_raised(failure: BrokerError) -> None:
    with pytest.raises(type(failure)):
        Desk(failure).current()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[]",
        '"text"',
        "{}",
        '{"auth_key": "k"}',
        '{"auth_secret": "s"}',
        '{"auth_key": "k", "auth_secret": ""}',
        '{"auth_key": "", "auth_secret": "s"}',
        '{"auth_key": "k", "auth_secret": 5}',
        '{"auth_key": null, "auth_secret": "s"}',
        '{"auth_key": "k", "auth_secret": "s\\n"}',
        '{"auth_key": "k y", "auth_secret": "s"}',
        '{"auth_key": "k\\u00e9", "auth_secret": "s"}',
        '{"auth_key": "k:y", "auth_secret": "s"}',
        '{"auth_key": "k", "auth_secret": "s", "auth_secret": "t"}',
    ],
)
def test_a_malformed_secret_is_a_fault_that_quotes_nothing(text: str) -> None:
    with pytest.raises(BrokerFault) as raised:
        Desk(Secret("arn", "v1", text)).current()
    assert raised.value.reason == "secret is malformed: needs auth_key and auth_secret"
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_a_secret_may_have_other_members() -> None:
    assert Desk(secret(note="of ours")).current().auth_key == "key"


def test_a_credential_s_representation_shows_neither_key_nor_secret() -> None:
    desk = Desk(secret(auth_key="visible-key", auth_secret="visible-secret"))
    assert "visible" not in repr(desk.current())
    assert "visible" not in repr(desk.answer)


def test_a_refused_version_is_left_alone_for_sixty_seconds() -> None:
    desk = Desk()
    version = desk.current()
    assert not desk.credentials.is_refused(version)
    desk.credentials.refuse(version)
    desk.clock.advance(59.9)
    assert desk.credentials.is_refused(version)
    desk.clock.advance(0.1)
    assert not desk.credentials.is_refused(version)


def test_a_new_version_of_a_refused_secret_is_not_refused() -> None:
    desk = Desk()
    desk.credentials.refuse(desk.current())
    desk.answer = secret("v2")
    assert not desk.credentials.is_refused(desk.fresh())


def test_a_fresh_read_puts_off_the_next_regular_one() -> None:
    desk = Desk()
    desk.current()
    desk.clock.advance(200)
    desk.answer = secret("v2")
    desk.fresh()
    desk.clock.advance(200)
    assert desk.current().version == "v2"
    assert len(desk.reads) == 2


def previous(answer: Secret | BrokerError | None) -> Credential | None:
    """The version before the current one, of a store that gives this answer."""

    def read(secret_id: str, deadline: Deadline) -> Secret | None:
        assert secret_id == "the/id"
        if isinstance(answer, BrokerError):
            raise answer
        return answer

    clock = Clock()
    credentials = Credentials({"default": "the/id"}, lambda *_: secret("v2"), clock, read)
    return credentials.read_previous("default", Deadline(clock, 15))


def test_the_version_before_the_current_one_is_read_where_there_is_one() -> None:
    assert previous(secret("v1")) == Credential("default", "arn", "v1", "key", "secret")
    assert previous(None) is None


def test_a_version_that_was_never_filled_counts_as_none() -> None:
    assert previous(Secret("arn", "v1", "{}")) is None


@pytest.mark.parametrize("failure", [DOWN, GONE], ids=["down", "gone"])
def test_a_version_that_cannot_be_read_is_no_missing_one(failure: BrokerError) -> None:
    with pytest.raises(type(failure)):
        previous(failure)


def test_a_function_that_verifies_nothing_reads_no_version_before_the_current_one() -> None:
    assert Desk().credentials.read_previous("default", Deadline(Clock(), 15)) is None


def test_a_credential_knows_when_its_version_was_made() -> None:
    desk = Desk(Secret("arn", "v1", secret().text, 1_700_000_000.0))
    assert desk.current().created_at == 1_700_000_000.0
