"""What the answers of api2 have in common. How long to wait is tested with the mint: token/test_transloadit.py."""

from typing import Any

import pytest
from broker.base.api2 import read_answer, read_code
from broker.base.audit import Notes

from tests.kit.web import reply


@pytest.mark.parametrize(
    ("body", "document", "code"),
    [
        ({"error": "TEMPLATE_NOT_FOUND", "a": 1}, {"error": "TEMPLATE_NOT_FOUND", "a": 1}, "TEMPLATE_NOT_FOUND"),
        ({"ok": "ASSEMBLY_EXECUTING"}, {"ok": "ASSEMBLY_EXECUTING"}, None),
        (b"<html>", {}, None),
        ([], {}, None),
    ],
)
def test_an_answer_is_read_and_noted(body: Any, document: dict[str, Any], code: str | None) -> None:
    notes = Notes()
    assert read_answer(reply(body, 400), notes) == (document, code)
    assert (notes.upstream_status, notes.upstream_error) == (400, code)


@pytest.mark.parametrize("code", [None, 7, "", "lower", "A" * 65, "A B", "A\n", {"A": 1}])
def test_what_is_no_code_is_not_repeated(code: Any) -> None:
    assert read_code({"error": code}, "error") is None
