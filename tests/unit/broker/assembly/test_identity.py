"""Ids of Assemblies: one for each event, and nobody else's."""

import itertools
import uuid
from typing import Any

from broker.assembly.decision import Assembling, decide_assembly
from broker.assembly.identity import hash_id, make_id
from broker.caller.caller import Caller
from broker.caller.invoke import InvokeProof
from broker.request.assembly import AssemblyRequest

from tests.kit.policies import assemble_form, assemble_rule, policy

KEY = bytes(32)
CALLER = Caller("invoke", "invoke", "originals", {"sub": "originals"})


def assembling(template: str = "encode", key: str = "a", attempt: int = 0, credential: str = "default") -> Assembling:
    forms = {"encode": assemble_form(), "encode0": assemble_form()}
    trust = policy(assemble_rules=[assemble_rule(credential=credential, assemble=forms)])
    request = AssemblyRequest(InvokeProof("originals"), template, {}, key, attempt)
    decided = decide_assembly(trust, CALLER, request)
    assert isinstance(decided, Assembling)
    return decided


def test_an_id_is_a_uuid_of_version_4_in_32_digits() -> None:
    for number in range(64):
        made = make_id(KEY, "f", assembling(key=str(number)))
        parsed = uuid.UUID(made)
        assert (len(made), parsed.version, parsed.variant) == (32, 4, uuid.RFC_4122)


def test_one_event_has_one_id() -> None:
    assert make_id(KEY, "f", assembling()) == make_id(KEY, "f", assembling())


def test_the_id_of_today_s_format_stays_what_it_is() -> None:
    """Another format would make a second Assembly of an event that comes again after a deployment."""
    assert make_id(KEY, "broker-Assembly", assembling()) == "20049bb9a8ee4d4dbf6ec2f3985ce826"


def test_every_part_makes_another_id() -> None:
    variants: list[tuple[bytes, str, dict[str, Any]]] = [
        (KEY, "f", {}),
        (b"\1" * 32, "f", {}),
        (KEY, "g", {}),
        (KEY, "f", {"template": "encode0"}),
        (KEY, "f", {"key": "b"}),
        (KEY, "f", {"attempt": 1}),
        (KEY, "f", {"credential": "other"}),
    ]
    ids = [make_id(key, function, assembling(**changes)) for key, function, changes in variants]
    for one, other in itertools.combinations(ids, 2):
        assert one != other


def test_parts_that_spell_the_same_in_a_row_have_different_ids() -> None:
    assert make_id(KEY, "f", assembling("encode0", "1")) != make_id(KEY, "f", assembling("encode", "01"))
    assert make_id(KEY, "f", assembling(key="a1", attempt=0)) != make_id(KEY, "f", assembling(key="a", attempt=10))


def test_what_is_shown_of_an_id_is_its_hash() -> None:
    assert hash_id("0" * 32) == "84e0c0eafaa95a34c293f278ac52e45ce537bab5e752a00e6959a13ae103b65a"
