"""The compiled form of `sign` rules."""

import msgspec
import pytest
from broker.policy.signing import ClaimOf, load_rules

from tests.kit.policies import assembly_form, compiled, policy, sign_rule, smart_cdn_form


def test_sign_rules_are_found_by_the_name_of_their_issuer() -> None:
    trust = policy(sign_rules=[sign_rule(), sign_rule(name="another", issuer="other")])
    assert trust.find_sign_rules("site") == (sign_rule(),)
    assert trust.find_sign_rules("nobody") == ()


def test_a_policy_without_sign_rules_has_the_bytes_that_it_had_before_there_were_any() -> None:
    assert b"signing" not in compiled()


def test_the_names_of_signatures_are_names_of_the_policy() -> None:
    trust = policy(sign_rules=[sign_rule()])
    assert all(map(trust.names, ["avatar", "thumbnail", "own"]))
    assert not trust.names("another")


@pytest.mark.parametrize(
    "changes",
    [
        {"when": []},
        {"assembly": {"avatar": assembly_form(unknown=1)}},
        {"assembly": {"avatar": assembly_form(steps={"exported": {"path": []}})}},
        {"assembly": {"avatar": assembly_form(algorithm="sha1")}},
        {"smart_cdn": {"thumbnail": smart_cdn_form(choices={"w": []})}},
        {"another_kind": {}},
    ],
)
def test_a_sign_rule_that_is_not_wholly_understood_is_not_read(changes: dict[str, object]) -> None:
    members = msgspec.json.decode(msgspec.json.encode(sign_rule())) | changes
    with pytest.raises(msgspec.ValidationError):
        load_rules(msgspec.json.encode([members]))


@pytest.mark.parametrize(("claim", "found"), [("sub", "alice"), ("/org/id", 7), ("org", {"id": 7})])
def test_a_claim_is_found_by_its_name_or_by_a_pointer(claim: str, found: object) -> None:
    assert ClaimOf(claim).find({"sub": "alice", "org": {"id": 7}}) == found
