"""The decision on an Assembly: all of it comes from one rule."""

from typing import Any

import pytest
from broker.assembly.decision import Assembling, decide_assembly
from broker.base.errors import AccessDenied, InvalidRequest, InvalidTarget
from broker.caller.caller import Caller
from broker.caller.invoke import InvokeProof
from broker.decision import Grant, Refusal
from broker.policy.assembling import AssembleRule
from broker.request.assembly import AssemblyRequest, Callback

from tests.kit.policies import assemble_form, assemble_rule, policy

PROOF = InvokeProof("originals")


def decide(*rules: AssembleRule, caller: str = "originals", **request: Any) -> Assembling | Refusal:
    trust = policy(assemble_rules=rules or [assemble_rule()])
    parts = {"template": "encode", "fields": {}, "key": "k"} | request
    asked = AssemblyRequest(PROOF, **parts)
    return decide_assembly(trust, Caller("invoke", "invoke", caller, {"sub": caller}), asked)


def allowed(*rules: AssembleRule, **request: Any) -> Assembling:
    decided = decide(*rules, **request)
    assert isinstance(decided, Assembling), decided
    return decided


def refused(*rules: AssembleRule, **request: Any) -> Refusal:
    decided = decide(*rules, **request)
    assert isinstance(decided, Refusal), decided
    return decided


def test_a_rule_grants_one_scope_for_one_credential_and_api2() -> None:
    assert allowed().grant == Grant(
        credential="default",
        scopes=frozenset({"assemblies:write"}),
        aud="api2",
        by_name=True,
        unlisted=False,
        for_each_caller=False,
        rules=("new originals are encoded",),
    )


def test_what_is_made_is_the_policy_s_and_the_fields_that_it_leaves_to_the_caller() -> None:
    form = assemble_form(steps={"exported": {"path": ["by/", ["sub"]]}}, max_size=5, max_number_of_files=1)
    order = allowed(assemble_rule(assemble={"encode": form}), fields={"bucket": "b"}).order
    assert order.template_id == "0123456789abcdef0123456789abcdef"
    assert (order.steps, order.fields) == ({"exported": {"path": "by/originals"}}, {"source": "s3", "bucket": "b"})
    assert (order.max_size, order.max_number_of_files) == (5, 1)


def test_a_caller_whom_no_rule_matches_is_refused() -> None:
    refusal = refused(caller="nightly")
    assert (refusal.error, refusal.failed) == (AccessDenied, {"new originals are encoded": ("sub",)})


def test_a_template_that_no_matching_rule_has_is_refused_whether_it_exists_or_not() -> None:
    other = assemble_rule(name="n", assemble={"secret": assemble_form()}, when=assemble_rule().when)
    nobodys = assemble_rule(name="m", issuer="another", assemble={"secret": assemble_form()})
    assert isinstance(decide(other, template="secret"), Assembling)
    refusals = [refused(assemble_rule(), nobodys, template=name) for name in ("secret", "nothing")]
    assert [refusal.error for refusal in refusals] == [InvalidTarget] * 2
    assert refusals[0] == refusals[1]


def test_a_template_of_two_rules_is_refused_whatever_their_order() -> None:
    rules = [assemble_rule(), assemble_rule(name="two", credential="another")]
    for each in (rules, rules[::-1]):
        assert refused(*each).error is InvalidTarget


@pytest.mark.parametrize("field", ["source", "another"])
def test_a_field_that_the_rule_does_not_leave_to_the_caller_is_refused(field: str) -> None:
    assert refused(fields={field: "x"}).error is InvalidRequest


@pytest.mark.parametrize("source", ["eventbridge", "s3"])
def test_of_an_event_the_fields_that_the_rule_names_are_taken(source: str) -> None:
    fields = {"bucket": "b", "key": "a", "etag": "e", "source": "x"}
    assert allowed(fields=fields, source=source).order.fields == {"bucket": "b", "key": "a", "source": "s3"}


@pytest.mark.parametrize(
    ("notify", "kind", "is_allowed"),
    [
        ("durable", "durable", True),
        ("states", "task", True),
        ("durable", "task", False),
        ("states", "durable", False),
        (None, "durable", False),
        (None, "task", False),
    ],
)
def test_a_callback_is_taken_where_the_rule_says_so(notify: str | None, kind: Any, is_allowed: bool) -> None:
    rule = assemble_rule(assemble={"encode": assemble_form(notify=notify)})
    decided = decide(rule, callback=Callback(kind, "x"))
    assert isinstance(decided, Assembling) == is_allowed
    assert isinstance(decided, Assembling) or decided.error is InvalidRequest


def test_no_callback_is_needed_where_the_rule_says_notify() -> None:
    assert allowed().callback is None


def test_a_decision_is_shown_without_key_fields_and_callback() -> None:
    shown = repr(allowed(key="private", fields={"key": "private"}, callback=Callback("durable", "private")))
    assert "private" not in shown
