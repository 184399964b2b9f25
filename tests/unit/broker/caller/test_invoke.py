"""Callers that invoke the function directly."""

from typing import Any

import pytest
from broker.base.audit import Notes
from broker.base.errors import InvalidRequest
from broker.base.progress import Deadline, Progress
from broker.caller.invoke import InvokeIdentifier, InvokeProof, read_invocation

from tests.kit.clock import Clock


def test_an_invocation_names_scopes_and_targets_and_never_its_caller() -> None:
    request = read_invocation({"scope": ["a:read", "b:write"], "aud": "mcp", "credential": "other"}, "nightly")
    assert (request.proof, request.scopes) == (InvokeProof("nightly"), {"a:read", "b:write"})
    assert (request.aud, request.credential) == ("mcp", "other")
    assert read_invocation({}, "nightly").scopes is None


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "text",
        {"sub": "somebody else"},
        {"Records": []},
        {"scope": "a:read"},
        {"scope": [5]},
        {"scope": [""]},
        {"scope": []},
        {"scope": ["a:read b:read"]},
        {"scope": ["*"]},
        {"aud": ""},
        {"aud": 5},
        {"credential": None},
    ],
    ids=repr,
)
def test_an_invocation_of_another_shape_is_an_invalid_request(event: Any) -> None:
    with pytest.raises(InvalidRequest):
        read_invocation(event, "nightly")


def test_the_caller_of_an_invocation_is_the_one_that_the_template_names() -> None:
    notes = Notes()
    caller = InvokeIdentifier().identify(InvokeProof("nightly"), Progress(Deadline(Clock(), 15), notes))
    assert (caller.entry, caller.subject, caller.claims) == ("invoke", "nightly", {"sub": "nightly"})
    assert (notes.issuer, notes.subject) == ("invoke", "nightly")
