"""The pipeline key: read, kept, and read again."""

import pytest
from broker.assembly.keys import CHECK_SECONDS, KEEP_SECONDS, LOOK_SECONDS, RETRY_SECONDS, Keys
from broker.base.audit import Notes
from broker.base.errors import BrokerFault, TemporarilyUnavailable
from broker.base.progress import Deadline, Progress

from tests.kit.assemblies import KEY_ID, Pipeline
from tests.kit.brokers import SECRETS_URL
from tests.kit.web import reply


def get(pipeline: Pipeline) -> tuple[Keys, Notes]:
    progress = Progress(Deadline(pipeline.clock, 60), Notes())
    return pipeline.keys.get(progress), progress.notes


def break_secrets(pipeline: Pipeline) -> None:
    pipeline.web.serve(SECRETS_URL, lambda call: reply({"__type": "InternalServiceError"}, 500))


def test_the_key_is_read_with_the_one_before_it() -> None:
    pipeline = Pipeline()
    assert get(pipeline)[0] == Keys(b"\x11" * 32, None, 1_700_000_000.0)
    pipeline.rotate("22" * 32)
    assert get(pipeline)[0] == Keys(b"\x22" * 32, b"\x11" * 32, pipeline.key_made_at)


def test_the_key_is_read_again_every_five_minutes() -> None:
    pipeline = Pipeline()
    get(pipeline)
    reads = pipeline.web.count(SECRETS_URL)
    pipeline.clock.advance(CHECK_SECONDS - 1)
    get(pipeline)
    assert pipeline.web.count(SECRETS_URL) == reads
    pipeline.clock.advance(1)
    get(pipeline)
    assert pipeline.web.count(SECRETS_URL) == reads + 2


def test_a_known_good_key_is_used_for_an_hour_while_it_cannot_be_read() -> None:
    pipeline = Pipeline()
    get(pipeline)
    break_secrets(pipeline)
    pipeline.clock.advance(CHECK_SECONDS)
    keys, notes = get(pipeline)
    assert (keys.current, notes.alarms) == (b"\x11" * 32, {"StaleSecret"})
    reads = pipeline.web.count(SECRETS_URL)
    pipeline.clock.advance(RETRY_SECONDS - 1)
    get(pipeline)
    assert pipeline.web.count(SECRETS_URL) == reads
    pipeline.clock.advance(KEEP_SECONDS - CHECK_SECONDS)
    with pytest.raises(TemporarilyUnavailable):
        get(pipeline)


def test_a_look_at_the_key_reads_it_again_once_a_minute_also_where_that_fails() -> None:
    pipeline = Pipeline()
    progress = Progress(Deadline(pipeline.clock, 600), Notes())
    get(pipeline)
    reads = pipeline.web.count(SECRETS_URL)
    pipeline.clock.advance(LOOK_SECONDS - 1)
    pipeline.keys.look_again(progress)
    assert pipeline.web.count(SECRETS_URL) == reads
    pipeline.clock.advance(1)
    break_secrets(pipeline)
    with pytest.raises(TemporarilyUnavailable):
        pipeline.keys.look_again(progress)
    reads = pipeline.web.count(SECRETS_URL)
    pipeline.clock.advance(LOOK_SECONDS - 1)
    assert pipeline.keys.look_again(progress).current == b"\x11" * 32
    assert pipeline.web.count(SECRETS_URL) == reads


@pytest.mark.parametrize("text", ["", "11" * 31, "11" * 33, "AA" * 32, "1" * 63 + "\n", "the-auth-secret"])
def test_a_key_of_another_form_is_a_fault_that_shows_nothing_of_it(text: str) -> None:
    pipeline = Pipeline()
    pipeline.key = text
    with pytest.raises(BrokerFault) as caught:
        get(pipeline)
    assert not text or text not in caught.value.reason


def test_a_malformed_key_that_was_taken_back_is_no_previous_key() -> None:
    pipeline = Pipeline()
    pipeline.previous_key = "not a key"
    assert get(pipeline)[0] == Keys(b"\x11" * 32, None, 1_700_000_000.0)


def test_the_keys_are_not_shown() -> None:
    assert repr(Keys(b"\x11" * 32, b"\x22" * 32, 0.0)) == "Keys(since=0.0)"


def test_the_secret_of_the_key_is_no_credential_s() -> None:
    pipeline = Pipeline()
    get(pipeline)
    assert {KEY_ID.encode() in call.body for call in pipeline.web.calls} == {True}
