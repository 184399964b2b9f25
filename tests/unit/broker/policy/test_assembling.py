"""The compiled form of `assemble` rules."""

import msgspec
import pytest
from broker.policy.assembling import load_rules

from tests.kit.policies import assemble_form, assemble_rule, compiled, policy


def test_assemble_rules_are_found_by_the_name_of_their_issuer() -> None:
    trust = policy(assemble_rules=[assemble_rule()])
    assert trust.find_assemble_rules("invoke") == (assemble_rule(),)
    assert trust.find_assemble_rules("site") == ()


def test_a_policy_without_assemble_rules_has_the_bytes_that_it_had_before_there_were_any() -> None:
    assert b"assembling" not in compiled()


def test_the_names_of_assemblies_are_names_of_the_policy() -> None:
    trust = policy(assemble_rules=[assemble_rule()])
    assert trust.names("encode")
    assert not trust.names("another")


@pytest.mark.parametrize(
    "changes",
    [
        {"when": []},
        {"assemble": {}},
        {"assemble": {"encode": assemble_form(unknown=1)}},
        {"assemble": {"encode": assemble_form(notify="mail")}},
        {"assemble": {"encode": assemble_form(steps={"exported": {"path": []}})}},
        {"another_kind": {}},
    ],
)
def test_an_assemble_rule_that_is_not_wholly_understood_is_not_read(changes: dict[str, object]) -> None:
    members = msgspec.json.decode(msgspec.json.encode(assemble_rule())) | changes
    with pytest.raises(msgspec.ValidationError):
        load_rules(msgspec.json.encode([members]))


def test_a_rule_names_the_claims_that_a_caller_lacks() -> None:
    assert assemble_rule().find_failed({"sub": "originals"}) == ()
    assert assemble_rule().find_failed({"sub": "nightly"}) == ("sub",)
