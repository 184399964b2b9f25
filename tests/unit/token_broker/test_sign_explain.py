"""`token-broker policy explain --sign`: what would be signed, and which condition or limit stands in the way."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.token_broker.test_explain import POLICY as OF_TOKENS
from tests.unit.token_broker.test_explain import SIGNER, explain, jwt
from tests.unit.token_broker.test_sign_compiler import ASSEMBLY, SMART_CDN, document, rule

SITE = {
    "issuer": "https://login.example.com/",
    "audiences": ["us"],
    "algorithms": ["ES256"],
    "keys": {"jwks": SIGNER.jwks()},
}
POLICY = document(
    rule({"assembly": {"avatar": ASSEMBLY}}), rule({"smart_cdn": {"thumbnail": SMART_CDN}}), issuers={"site": SITE}
)
EDITOR = {"sub": "alice", "groups": ["editors"]}
AVATAR = {"kind": "assembly", "template": "avatar", "fields": {"album": "summer"}}
THUMBNAIL = {"kind": "smart_cdn", "template": "thumbnail", "input": "users/alice/a.png", "params": {"w": 200}}


def signed(folder: Path, body: Any, *options: str, claims: Any = EDITOR) -> tuple[int, str, str]:
    text = body if isinstance(body, str) else json.dumps(body)
    given = ("--claims", "-", "--issuer", "site", "--sign", text, *options)
    return explain(folder, *given, text=json.dumps(claims), policy=POLICY)


def test_signed_parameters_are_shown_with_the_claim_in_place_and_the_rule_s_limits(tmp_path: Path) -> None:
    status, out, err = signed(tmp_path, AVATAR)
    assert (status, err) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == "SIGNED assembly avatar (credential uploads, rule one) to alice"
    assert 'steps {"exported": {"path": "users/alice/${file.id}.${file.ext}"}}' in lines
    assert 'fields {"source": "web", "album": "summer"}' in lines
    assert {"max_size 100000000", "expires 300"} <= set(lines)


def test_signed_urls_are_shown_with_inputs_and_all_parameters(tmp_path: Path) -> None:
    report = json.loads(signed(tmp_path, THUMBNAIL, "--json")[1])
    order = report["signed"]["order"]
    assert (report["outcome"], report["aud"], report["scopes"]) == ("granted", None, None)
    assert (order["inputs"], order["params"]) == (["users/alice/a.png"], {"f": "webp", "w": 200})


@pytest.mark.parametrize(
    ("body", "claims", "headline"),
    [
        (AVATAR, EDITOR | {"groups": []}, "REFUSED to alice: access_denied, no rule matches"),
        (AVATAR | {"template": "avatars"}, EDITOR, "REFUSED to alice: invalid_target, no matching rule for this kind"),
        (
            AVATAR | {"fields": {"source": "me"}},
            EDITOR,
            "REFUSED to alice: invalid_request, a field that no caller writes",
        ),
        (AVATAR, EDITOR | {"sub": "a/b"}, "REFUSED to a/b: access_denied, the claim sub cannot stand in a path"),
        (
            THUMBNAIL | {"input": "users/bob/a.png"},
            EDITOR,
            "REFUSED to alice: invalid_request, under: An input is not in the folder",
        ),
        (
            THUMBNAIL | {"params": {"w": "200"}},
            EDITOR,
            "REFUSED to alice: invalid_request, param w: A parameter, or its value",
        ),
        (THUMBNAIL | {"expires_in": 3601}, EDITOR, "REFUSED to alice: invalid_request, expires_in"),
        (THUMBNAIL | {"input": "users/alice/../bob"}, EDITOR, "REFUSED: invalid_request, input: An input is a path"),
        (
            {"kind": "assembly", "notify_url": "x"},
            EDITOR,
            "REFUSED: invalid_request, body is no request for a signature",
        ),
    ],
    ids=str,
)
def test_a_refused_signature_names_what_stands_in_the_way(
    tmp_path: Path, body: dict[str, Any], claims: dict[str, Any], headline: str
) -> None:
    status, out, _ = signed(tmp_path, body, claims=claims)
    assert status == 1
    assert out.startswith(headline)


def test_a_refused_signature_shows_the_conditions_of_each_rule_that_signs(tmp_path: Path) -> None:
    _, out, _ = signed(tmp_path, AVATAR, claims={"sub": "alice", "groups": ["readers"]})
    assert "no  one: assembly avatar (credential uploads)\n        FAILED  groups  wants any of" in out
    assert "no  one 1: smart_cdn thumbnail (credential pictures)" in out


@pytest.mark.parametrize(
    ("body", "options", "reported"),
    [
        ("avatar", (), "--sign is no JSON object"),
        (AVATAR, ("--scope", "read"), "--sign has no scope and no aud, and names a credential in its JSON"),
        (AVATAR, ("--credential", "uploads"), "--sign has no scope and no aud"),
    ],
)
def test_what_cannot_be_a_request_for_a_signature_is_not_explained(
    tmp_path: Path, body: Any, options: tuple[str, ...], reported: str
) -> None:
    status, out, err = signed(tmp_path, body, *options)
    assert (status, out) == (2, "")
    assert reported in err


def test_a_jwt_is_explained_for_signatures_too(tmp_path: Path) -> None:
    text = jwt(groups=["editors"])
    status, out, _ = explain(tmp_path, "--jwt", "-", "--sign", json.dumps(AVATAR), text=text, policy=POLICY)
    assert status == 0
    assert "SIGNED assembly avatar" in out
    assert "The signature was not verified" in out


def test_a_caller_who_asks_for_a_token_is_told_of_rules_that_sign_and_no_other_is(tmp_path: Path) -> None:
    claims = ("--claims", "-", "--issuer", "site")
    _, out, _ = explain(tmp_path, *claims, text=json.dumps(EDITOR), policy=POLICY)
    assert "no rule of this kind trusts the issuer `site`" in out
    assert "There is a rule of `site` that signs as well; --sign explains what it gives." in out
    _, out, _ = explain(tmp_path, *claims, text=json.dumps(EDITOR | {"token_use": "id"}), policy=OF_TOKENS)
    assert "--sign" not in out
