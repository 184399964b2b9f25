"""The scopes of Transloadit's API."""

import re

from broker.policy.scopes import SCOPES


def test_each_scope_has_the_form_of_one_and_stands_once() -> None:
    assert all(re.fullmatch(r"[a-z_]+(:(read|write|sign))?", scope) for scope in SCOPES)
    assert len(set(SCOPES)) == len(SCOPES)
