"""Assemblies are made once for each event, and what is taken for ours is ours."""

import json
from typing import Any

import pytest
from broker.assembly.callback import unseal
from broker.assembly.identity import hash_id
from broker.assembly.maker import SETTLE_SECONDS, Made
from broker.base.audit import count_metrics
from broker.base.errors import BrokerError, InvalidRequest, TemporarilyUnavailable, UpstreamRefused
from broker.base.net import Answer, Call
from broker.base.progress import Deadline
from broker.request.assembly import Callback

from tests.kit.assemblies import ASSEMBLIES_URL, PUBLIC_URL, Pipeline
from tests.kit.brokers import TOKEN_URL, minted
from tests.kit.policies import assemble_form, assemble_rule
from tests.kit.web import reply


def refused(pipeline: Pipeline, **members: Any) -> BrokerError:
    result = pipeline.make(**members).result
    assert isinstance(result, BrokerError), result
    return result


def test_an_assembly_is_made_of_the_policy_s_template_and_the_event_s_fields() -> None:
    pipeline = Pipeline()
    made = pipeline.made()
    assert (made.status, made.shows_id) == ("ASSEMBLY_EXECUTING", True)
    assert made.url == f"https://api2-vesta.transloadit.com/assemblies/{made.assembly_id}"
    assert pipeline.api2.params == {
        "template_id": "0123456789abcdef0123456789abcdef",
        "fields": {"source": "s3", "bucket": "originals", "key": "a.mp4"},
    }


def test_steps_and_limits_of_the_rule_are_sent() -> None:
    form = assemble_form(steps={"exported": {"path": ["by/", ["sub"]]}}, max_size=5, max_number_of_files=1)
    pipeline = Pipeline(assemble_rules=[assemble_rule(assemble={"encode": form})])
    pipeline.made()
    pipeline.made()
    assert pipeline.api2.params["steps"] == {"exported": {"path": "by/originals"}}
    assert pipeline.api2.params["auth"] == {"max_size": 5, "max_number_of_files": 1}


def test_an_event_that_comes_twice_is_one_assembly() -> None:
    pipeline = Pipeline()
    assert pipeline.made() == pipeline.made()
    assert (len(pipeline.api2.assemblies), pipeline.mints) == (1, 1)
    assert [record.assembly and record.assembly.is_new for record in pipeline.records] == [True, False]


def test_another_attempt_makes_another_assembly() -> None:
    pipeline = Pipeline()
    assert pipeline.made() != pipeline.made(attempt=1)
    assert len(pipeline.api2.assemblies) == 2


def test_an_event_that_comes_again_after_a_rotation_of_the_pipeline_key_is_still_one_assembly() -> None:
    pipeline = Pipeline()
    made = pipeline.made()
    pipeline.rotate("22" * 32)
    assert pipeline.made() == made
    pipeline.clock.advance(SETTLE_SECONDS)
    assert pipeline.made() == made
    assert pipeline.record.assembly is not None
    assert (pipeline.record.assembly.is_new, pipeline.record.assembly.id_sha256) == (False, hash_id(made.assembly_id))
    pipeline.clock.advance(7 * 24 * 3600)
    assert pipeline.made() != made


def test_a_proxy_that_has_no_page_for_the_status_makes_no_second_assembly_after_a_rotation() -> None:
    pipeline = Pipeline()
    pipeline.made()
    pipeline.rotate("22" * 32)
    pipeline.clock.advance(SETTLE_SECONDS)
    pipeline.web.serve_under(
        ASSEMBLIES_URL, lambda call: reply(b"<html>", 404) if call.method == "GET" else pipeline.api2(call)
    )
    assert isinstance(refused(pipeline), TemporarilyUnavailable)
    assert len(pipeline.api2.assemblies) == 1


def test_a_callback_of_just_after_a_rotation_opens_also_where_the_new_pipeline_key_is_not_known_yet() -> None:
    pipeline = Pipeline()
    known = pipeline.keys.read(Deadline(pipeline.clock, 60))
    pipeline.rotate("22" * 32)
    made = pipeline.made(callback={"durable": "callback"})
    sealed = pipeline.api2.params["notify_url"].partition("?c=")[2]
    assert unseal(known, made.assembly_id, sealed, pipeline.clock()) is not None


def test_an_event_that_two_environments_get_while_only_one_has_the_new_pipeline_key_is_one_assembly() -> None:
    pipeline = Pipeline()
    pipeline.made(key="another")
    late = pipeline.exchange
    pipeline.previous_key, pipeline.key, pipeline.key_made_at = pipeline.key, "22" * 32, pipeline.clock()
    pipeline.use(pipeline.exchange.answering.policy)
    made = pipeline.made()
    pipeline.exchange = late
    assert pipeline.made() == made


def test_an_event_that_comes_twice_at_the_moment_when_the_new_pipeline_key_takes_over_is_one_assembly() -> None:
    pipeline = Pipeline()
    pipeline.rotate("22" * 32)
    pipeline.clock.advance(pipeline.key_made_at + SETTLE_SECONDS - 1 - pipeline.clock())
    meanwhile: list[Made | BrokerError] = []

    def make_slowly(call: Call) -> Answer:
        pipeline.web.serve_under(ASSEMBLIES_URL, pipeline.api2)
        pipeline.clock.advance(2)
        meanwhile.append(pipeline.make().result)
        return pipeline.api2(call)

    pipeline.web.serve_under(ASSEMBLIES_URL, make_slowly)
    made = pipeline.made()
    assert len(pipeline.api2.assemblies) == 1
    (error,) = meanwhile
    assert isinstance(error, TemporarilyUnavailable)
    pipeline.clock.advance(error.retry_after)
    assert pipeline.made() == made


@pytest.mark.parametrize(
    "changes",
    [
        {"account_slug": "evil"},
        {"account_slug": None},
        {"template_id": "f" * 32},
        {"params": json.dumps({"template_id": "0" * 32, "fields": {"bucket": "evil"}})},
        {"params": json.dumps({"fields": {"source": "s3", "bucket": "originals", "key": "a.mp4"}, "steps": {"x": {}}})},
        {"params": None},
    ],
)
def test_an_assembly_of_our_id_that_shows_something_else_is_foreign_and_alarmed(changes: dict[str, Any]) -> None:
    pipeline = Pipeline()
    id_ = pipeline.made().assembly_id
    pipeline.api2.assemblies[id_] |= changes
    error = refused(pipeline)
    assert (type(error), error.reason) == (UpstreamRefused, "foreign Assembly")
    assert pipeline.record.alarms == {"ForeignAssembly"}
    assert hash_id(id_) in error.description
    assert id_ not in error.description
    assert error.description.endswith("another key, or a higher attempt, makes another.")
    assert pipeline.made(attempt=1).assembly_id != id_


@pytest.mark.parametrize(
    "state", [{"ok": "ASSEMBLY_CANCELED"}, {"ok": "REQUEST_ABORTED"}, {"ok": None, "error": "INVALID_FILE_META_DATA"}]
)
def test_an_assembly_that_failed_or_was_cancelled_is_refused_by_its_code_until_the_next_attempt(state: Any) -> None:
    pipeline = Pipeline()
    pipeline.api2.assemblies[pipeline.made().assembly_id] |= state
    error = refused(pipeline)
    assert isinstance(error, UpstreamRefused)
    assert (state.get("error") or state["ok"]) in error.description
    assert pipeline.made(attempt=1).status == "ASSEMBLY_EXECUTING"


def test_an_assembly_that_exists_but_has_no_status_yet_is_tried_again_later() -> None:
    pipeline = Pipeline()
    url = f"https://api2.transloadit.com/assemblies/{pipeline.made().assembly_id}"
    pipeline.web.then(url, reply({"error": "DO_NOT_REUSE_ASSEMBLY_IDS"}, 400), reply({}, 404))
    assert isinstance(refused(pipeline), TemporarilyUnavailable)


def test_a_token_that_api2_refuses_is_replaced_once() -> None:
    pipeline = Pipeline()
    pipeline.api2.tokens = {"bearer-2"}
    pipeline.web.then(TOKEN_URL, minted(scope="assemblies:write"), minted("bearer-2", scope="assemblies:write"))
    assert pipeline.made().status == "ASSEMBLY_EXECUTING"
    assert pipeline.mints == 2
    pipeline.api2.tokens = set()
    assert isinstance(refused(pipeline, key="another"), UpstreamRefused)


def test_a_callback_is_sealed_into_the_notify_url() -> None:
    pipeline = Pipeline()
    made = pipeline.made(callback={"durable": "callback+/=="})
    url = pipeline.api2.params["notify_url"]
    start = f"{PUBLIC_URL}/notifications/{made.assembly_id}?c="
    assert url.startswith(start)
    keys = pipeline.keys.read(Deadline(pipeline.clock, 60))
    waiting = unseal(keys, made.assembly_id, url.removeprefix(start), pipeline.clock())
    assert waiting is not None
    assert (waiting.callback, waiting.credential, waiting.shows_id) == (
        Callback("durable", "callback+/=="),
        "default",
        True,
    )
    assert waiting.expires_at == int(pipeline.clock()) + 7 * 24 * 3600


def test_a_second_caller_of_an_event_with_another_callback_gets_the_same_assembly() -> None:
    pipeline = Pipeline()
    assert pipeline.made(callback={"durable": "one"}) == pipeline.made(callback={"durable": "two"})


def test_a_rule_may_keep_the_id_from_its_caller() -> None:
    rule = assemble_rule(assemble={"encode": assemble_form(shows_id=False)})
    assert Pipeline(assemble_rules=[rule]).made().shows_id is False


def test_a_request_that_no_rule_allows_calls_neither_secrets_manager_nor_api2() -> None:
    pipeline = Pipeline()
    for members in ({"template": "another"}, {"fields": {"source": "x"}}, {"callback": {"task": "x"}}):
        assert isinstance(refused(pipeline, **members), InvalidRequest)
    assert pipeline.web.calls == []


def test_the_record_of_an_assembly_has_its_hash_and_no_id() -> None:
    pipeline = Pipeline()
    made = pipeline.made()
    notes = pipeline.record.assembly
    assert notes is not None
    assert (notes.template, notes.source, notes.attempt, notes.status) == ("encode", "invocation", 0, made.status)
    assert notes.id_sha256 == hash_id(made.assembly_id)
    assert made.assembly_id not in repr(pipeline.record)
    assert (pipeline.record.subject, pipeline.record.rules) == ("originals", ("new originals are encoded",))
    assert pipeline.record.token_sha256 is None


def test_a_refused_request_has_its_template_in_the_record() -> None:
    pipeline = Pipeline()
    refused(pipeline, template="another")
    assert pipeline.record.assembly is not None
    assert pipeline.record.assembly.template == "another"
    assert pipeline.record.outcome == "InvalidTarget"


def test_an_event_that_cannot_be_read_counts_as_an_event_and_not_as_a_caller_s_request() -> None:
    pipeline = Pipeline()
    refused(pipeline, key=7)
    assert count_metrics(pipeline.record) == {"Assembly": 1, "AssemblyRefused": 1}


def test_what_was_made_is_shown_without_id_and_url() -> None:
    made = Pipeline().made()
    assert made.assembly_id not in repr(made)
