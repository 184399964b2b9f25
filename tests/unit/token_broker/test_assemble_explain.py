"""`token-broker policy explain --assemble`: what would be made, and which condition stands in the way."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.token_broker.test_assemble_compiler import ENCODE, SHORT, document, rule
from tests.unit.token_broker.test_explain import explain, jwt
from tests.unit.token_broker.test_sign_explain import SITE

TOKENS = {"name": "tokens", "issuer": "invoke", "when": {"sub": "originals"}, "scopes": ["queues:read"]}
POLICY = document(
    rule({"encode": ENCODE}),
    rule({"thumbs": SHORT}, when={"sub": "pictures"}),
    TOKENS | {"credential": "pictures"},
    issuers={"site": SITE | {"silence": {"unused-issuer": "a test"}}},
)
BODY = {"template": "encode", "fields": {"key": "a%20b\\c.mp4"}, "key": "media/a"}


def made(folder: Path, body: Any, *options: str, sub: str = "originals") -> tuple[int, str, str]:
    text = body if isinstance(body, str) else json.dumps(body)
    given = ("--claims", "-", "--assemble", text, *options)
    return explain(folder, *given, text=json.dumps({"sub": sub}), policy=POLICY)


def test_what_would_be_made_is_shown_with_steps_fields_notify_and_the_answer_s_members(tmp_path: Path) -> None:
    status, out, err = made(tmp_path, BODY)
    assert (status, err) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == "ASSEMBLED encode (credential pictures, rule one) for originals"
    assert lines[1:8] == [
        'template_id "0123456789abcdef0123456789abcdef"',
        'steps {"exported": {"path": "encoded/originals/${file.id}.${file.ext}", "width": "640"}}',
        'fields {"source": "s3", "key": "a%20b\\\\c.mp4"}',
        "max_size 2000000000",
        "max_number_of_files 5",
        'notify "durable"',
        'answer ["status"]',
    ]


def test_a_report_for_machines_has_what_would_be_made_and_no_key_of_the_event(tmp_path: Path) -> None:
    report = json.loads(made(tmp_path, {"template": "thumbs", "key": "of-the-event"}, "--json", sub="pictures")[1])
    order = report["assembly"]["order"]
    assert (report["outcome"], report["credential"], report["aud"], report["scopes"]) == (
        "granted",
        "pictures",
        *[None] * 2,
    )
    assert (order["notify"], order["answer"]) == (None, ["assembly_id", "assembly_url", "status"])
    assert "of-the-event" not in json.dumps(report)


@pytest.mark.parametrize(
    ("body", "sub", "headline"),
    [
        (BODY, "strangers", "REFUSED to strangers: access_denied, no rule matches"),
        (BODY | {"template": "thumbs"}, "originals", "REFUSED to originals: invalid_target, no matching rule for"),
        (
            BODY | {"fields": {"source": "me"}},
            "originals",
            "REFUSED to originals: invalid_request, a field that no caller writes: A field is not one of those for",
        ),
        (
            BODY | {"callback": {"task": "t"}},
            "originals",
            "REFUSED to originals: invalid_request, a callback that the rule does not have: The rule of this template",
        ),
        ({"template": "encode"}, "originals", "REFUSED: invalid_request, template or key: template and key are"),
        (BODY | {"atempt": 1}, "originals", "REFUSED: invalid_request, invocation: Send an object of template"),
    ],
    ids=str,
)
def test_a_refused_assembly_names_what_stands_in_the_way(tmp_path: Path, body: Any, sub: str, headline: str) -> None:
    status, out, _ = made(tmp_path, body, sub=sub)
    assert status == 1
    assert out.startswith(headline)


def test_a_refused_assembly_shows_the_conditions_of_each_rule_that_assembles(tmp_path: Path) -> None:
    _, out, _ = made(tmp_path, BODY, sub="strangers")
    assert 'no  one: assemble encode (credential pictures)\n        FAILED  sub  wants "originals"; got "str' in out
    assert "no  one 1: assemble thumbs (credential pictures)" in out
    assert "tokens" not in out


@pytest.mark.parametrize(
    ("body", "options", "reported"),
    [
        ("encode", (), "--assemble is no JSON object"),
        (BODY, ("--scope", "read"), "--assemble has no scope and no aud, and the policy names its credential"),
        (BODY, ("--credential", "uploads"), "--assemble has no scope and no aud"),
        (BODY, ("--sign", "{}"), "argument --sign: not allowed with argument --assemble"),
    ],
)
def test_what_cannot_be_a_request_for_an_assembly_is_not_explained(
    tmp_path: Path, body: Any, options: tuple[str, ...], reported: str
) -> None:
    status, out, err = made(tmp_path, body, *options)
    assert (status, out) == (2, "")
    assert reported in err


def test_a_caller_with_a_jwt_is_refused_since_no_rule_that_assembles_trusts_its_issuer(tmp_path: Path) -> None:
    status, out, _ = explain(tmp_path, "--jwt", "-", "--assemble", json.dumps(BODY), text=jwt(), policy=POLICY)
    assert (status, out.splitlines()[0]) == (1, "REFUSED to alice: access_denied, no rule matches")
    assert "no rule of this kind trusts the issuer `site`" in out


def test_a_caller_who_asks_for_a_token_is_told_of_rules_that_assemble(tmp_path: Path) -> None:
    given = ("--claims", "-", "--issuer", "invoke", "--credential", "pictures")
    status, out, _ = explain(tmp_path, *given, text='{"sub": "originals"}', policy=POLICY)
    assert status == 0
    assert "There is a rule of `invoke` that assembles as well; --assemble explains what it makes." in out
