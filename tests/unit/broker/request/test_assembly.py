"""Requests for Assemblies: the form of a direct invocation, and everything malformed."""

from typing import Any

import pytest
from broker.base.errors import InvalidRequest
from broker.caller.invoke import InvokeProof
from broker.request.assembly import AssemblyRequest, Callback, read_assembly

PROOF = InvokeProof("originals")
REQUEST = {"template": "encode", "key": "originals/a.mp4/1"}


def read(**members: Any) -> AssemblyRequest[InvokeProof]:
    return read_assembly(REQUEST | members, PROOF)


def test_template_and_key_are_enough() -> None:
    assert read() == AssemblyRequest(PROOF, "encode", {}, "originals/a.mp4/1")


def test_everything_that_may_be_sent_is_read() -> None:
    request = read(fields={"bucket": "originals"}, attempt=2, callback={"durable": "abc+/=="})
    assert request.fields == {"bucket": "originals"}
    assert (request.attempt, request.callback) == (2, Callback("durable", "abc+/=="))


def test_a_task_token_is_a_callback_too() -> None:
    assert read(callback={"task": "AAAA~*_-"}).callback == Callback("task", "AAAA~*_-")


@pytest.mark.parametrize("text", ["100 %.jpg", r"a\b", "\u00fcber.jpg", "\U0001f600.jpg"])
def test_a_field_may_hold_what_names_of_files_hold(text: str) -> None:
    assert read(fields={"key": text}).fields == {"key": text}


@pytest.mark.parametrize(
    "changes",
    [
        {"template": None},
        {"template": ""},
        {"template": "x" * 101},
        {"template": ["encode"]},
        {"template": "\ud800"},
        {"key": None},
        {"key": ""},
        {"key": "x" * 4097},
        {"key": 7},
        {"key": "half \ud800"},
        {"attempt": -1},
        {"attempt": 100},
        {"attempt": True},
        {"attempt": "1"},
        {"attempt": 1.0},
        {"attempt": None},
        {"fields": None},
        {"fields": []},
        {"fields": {"a": 1}},
        {"fields": {"a": None}},
        {"fields": {"a b": "c"}},
        {"fields": {"": "c"}},
        {"fields": {f"f{number}": "x" for number in range(33)}},
        {"fields": {"a": "x" * 1025}},
        {"fields": {"a": "${file.id}"}},
        {"fields": {"a": "line\nline"}},
        {"fields": {"a": "\u202egpj.exe"}},
        {"fields": {"a": "\uff04{file.id}"}},
        {"callback": {}},
        {"callback": "abc"},
        {"callback": {"durable": "a", "task": "b"}},
        {"callback": {"durable": ""}},
        {"callback": {"durable": "a b"}},
        {"callback": {"durable": "=abc"}},
        {"callback": {"durable": "x" * 1025}},
        {"callback": {"durable": 7}},
        {"callback": {"task": "a b"}},
        {"callback": {"task": "x" * 2049}},
        {"callback": {"https://example.com": "x"}},
        {"notify_url": "https://evil.example"},
        {"steps": {}},
        {"template_id": "0" * 32},
        {"credential": "default"},
    ],
    ids=lambda changes: str(changes)[:60],
)
def test_a_malformed_request_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(**changes)
    assert caught.value.description.endswith(".")


@pytest.mark.parametrize("event", [None, [], "encode", 7])
def test_what_is_no_object_is_refused(event: Any) -> None:
    with pytest.raises(InvalidRequest):
        read_assembly(event, PROOF)


def test_a_request_is_shown_without_its_fields_key_and_callback() -> None:
    shown = repr(read(fields={"key": "private.mp4"}, callback={"task": "the-token"}))
    assert not [text for text in ("private.mp4", "originals/a.mp4", "the-token") if text in shown]


def test_a_template_that_the_policy_does_not_name_is_not_in_the_record() -> None:
    described = [read().describe(is_known).assembly for is_known in (lambda name: True, lambda name: False)]
    assert [notes and notes.template for notes in described] == ["encode", "?"]
