"""Requests for signatures: the JSON of each kind, and everything malformed."""

import json
from typing import Any

import pytest
from broker.base import errors
from broker.request.proof import Proof, ProofForm
from broker.request.signature import (
    MAX_INPUTS,
    AssemblyWish,
    SignatureRequest,
    SmartCdnWish,
    StorageWish,
    Wish,
    read_signature_request,
)

from tests.kit.forms import JSON, http

ASSEMBLY = {"kind": "assembly", "template": "avatar"}
CDN = {"kind": "smart_cdn", "template": "thumbnail", "input": "users/alice/a.jpg"}
STORAGE = {"kind": "storage", "grant": "own"}


def read(members: Any, **headers: Any) -> SignatureRequest[Proof]:
    text = members if isinstance(members, (str, bytes)) else json.dumps(members)
    return read_signature_request(http(text, **{"content_type": JSON} | headers))


@pytest.mark.parametrize(
    ("members", "wish"),
    [
        (ASSEMBLY, AssemblyWish(template="avatar")),
        (ASSEMBLY | {"fields": {"a": "b"}}, AssemblyWish(template="avatar", fields={"a": "b"})),
        (CDN, SmartCdnWish(template="thumbnail", input="users/alice/a.jpg")),
        (STORAGE | {"expires_in": 60, "credential": "c"}, StorageWish(grant="own", expires_in=60, credential="c")),
    ],
)
def test_each_kind_is_read(members: Any, wish: Wish) -> None:
    request = read(members)
    assert (request.wish, request.proof.form, request.proof.jwt) == (wish, ProofForm.HEADER, "a.b.c")


def test_inputs_of_a_request_are_one_or_many() -> None:
    one, many = read(CDN).wish, read({"kind": "smart_cdn", "template": "t", "inputs": ["a", "b"]}).wish
    assert isinstance(one, SmartCdnWish)
    assert isinstance(many, SmartCdnWish)
    assert (one.all_inputs, many.all_inputs) == (("users/alice/a.jpg",), ("a", "b"))


def test_a_parameter_keeps_its_json_type() -> None:
    wish = read(CDN | {"params": {"a": 1, "b": True, "c": "1", "d": -(2**53) + 1}}).wish
    assert isinstance(wish, SmartCdnWish)
    assert [type(value) for value in wish.params.values()] == [int, bool, str, int]


NEVER_SIGNED = [
    "steps",
    "notify_url",
    "redirect_url",
    "auth",
    "template_id",
    "signature",
    "nonce",
    "__proto__",
]


@pytest.mark.parametrize("name", NEVER_SIGNED)
@pytest.mark.parametrize("members", [ASSEMBLY, CDN, STORAGE], ids=lambda members: members["kind"])
def test_a_member_that_is_not_listed_is_refused(members: dict[str, Any], name: str) -> None:
    with pytest.raises(errors.InvalidRequest):
        read(members | {name: {}})


@pytest.mark.parametrize(
    "members",
    [
        {},
        [],
        "assembly",
        "{",
        b"\xff",
        {"kind": "ASSEMBLY", "template": "a"},
        {"kind": None},
        {"template": "avatar"},
        {"kind": "assembly", "grant": "a"},
        ASSEMBLY | {"template": 1},
        ASSEMBLY | {"fields": {"a": 1}},
        ASSEMBLY | {"fields": {"a": None}},
        ASSEMBLY | {"fields": []},
        ASSEMBLY | {"expires_in": 60},
        CDN | {"inputs": ["a"]},
        {"kind": "smart_cdn", "template": "a"},
        {"kind": "smart_cdn", "template": "a", "inputs": []},
        {"kind": "smart_cdn", "template": "a", "inputs": ["a"] * (MAX_INPUTS + 1)},
        {"kind": "smart_cdn", "template": "a", "inputs": "a"},
        CDN | {"input": ["a"]},
        CDN | {"params": {"w": 1.5}},
        CDN | {"params": {"w": 2**53}},
        CDN | {"params": {"w": None}},
        CDN | {"params": {"w": [1]}},
        CDN | {"expires_in": 0},
        CDN | {"expires_in": -1},
        CDN | {"expires_in": True},
        CDN | {"expires_in": "60"},
        CDN | {"expires_in": 1.0},
        STORAGE | {"expires_in": 10**400},
        STORAGE | {"prefix": ""},
        '{"kind": "assembly", "kind": "storage", "template": "avatar"}',
        '{"kind": "assembly", "template": "avatar", "fields": {"a": "1", "a": "2"}}',
        '{"kind": "assembly", "template": "avatar", "fields": {"a": "\\ud800"}}',
        '{"kind": "smart_cdn", "template": "a", "input": "a", "params": {"w": NaN}}',
        '{"kind": "assembly", "template": ' + "[" * 5000 + "}",
    ],
    ids=lambda members: str(members)[:60],
)
def test_a_malformed_request_is_refused_with_words_that_say_so(members: Any) -> None:
    with pytest.raises(errors.InvalidRequest) as raised:
        read(members)
    assert raised.value.code == "invalid_request"
    description = raised.value.description
    assert all(" " <= sign <= "~" and sign not in '"\\' for sign in description)
    assert len(description) <= 240


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"kind": "assembly"}, "missing required field template"),
        (ASSEMBLY | {"steps": {}}, "unknown field steps"),
        (CDN | {"expires_in": "1"}, "got str - at $.expires_in"),
    ],
)
def test_the_answer_names_the_member_that_does_not_fit(members: Any, words: str) -> None:
    with pytest.raises(errors.InvalidRequest) as raised:
        read(members)
    assert words in raised.value.description


@pytest.mark.parametrize("name", ["a" * 300, 'quo"te', "back\\slash", "new\nline", "ünï"])
def test_the_name_of_an_unknown_member_is_not_repeated_where_it_could_break_the_answer(name: str) -> None:
    with pytest.raises(errors.InvalidRequest) as raised:
        read(ASSEMBLY | {name: 1})
    assert name not in raised.value.description


@pytest.mark.parametrize(
    "text", ["../b", "a//b", "a/", "a\\b", "%2e", "${x}", "a\n", "a\u202e", "a\uff0f..", ""], ids=ascii
)
def test_an_input_that_climbs_or_hides_is_refused(text: str) -> None:
    for inputs in ({"input": text}, {"input": None, "inputs": ["fine", text]}):
        with pytest.raises(errors.InvalidRequest):
            read(CDN | inputs)


@pytest.mark.parametrize("text", ["a\\b", "%41", "${file.name}", "a\n", "a\u202e", "\uff04\uff5bx}"], ids=ascii)
def test_a_field_that_hides_is_refused_in_its_name_as_in_its_text(text: str) -> None:
    for fields in ({"album": text}, {text: "album"}):
        with pytest.raises(errors.InvalidRequest):
            read(ASSEMBLY | {"fields": fields})


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({"content_type": None}, errors.UnsupportedMediaType),
        ({"content_type": "application/x-www-form-urlencoded"}, errors.UnsupportedMediaType),
        ({"content_type": "application/json; charset=latin-1"}, errors.UnsupportedMediaType),
        ({"content_type": "application/json-patch+json"}, errors.UnsupportedMediaType),
        ({"authorization": None}, errors.NoProof),
        ({"authorization": "Basic YTpi"}, errors.SharedSecretRefused),
        ({"authorization": "Bearer a, Bearer b"}, errors.InvalidRequest),
        ({"method": "GET"}, errors.MethodNotAllowed),
    ],
    ids=str,
)
def test_a_request_of_another_form_is_refused(headers: Any, error: type[errors.BrokerError]) -> None:
    with pytest.raises(errors.BrokerError) as raised:
        read(ASSEMBLY, **headers)
    assert type(raised.value) is error


def test_json_of_any_case_and_charset_utf_8_is_taken() -> None:
    assert read(ASSEMBLY, content_type="Application/JSON; charset=UTF-8") == read(ASSEMBLY)


def test_a_body_above_16_kib_is_refused() -> None:
    with pytest.raises(errors.TooLarge):
        read(ASSEMBLY | {"fields": {"a": "a" * 16 * 1024}})


@pytest.mark.parametrize("name", ["client_assertion", "subject_token", "assertion"])
def test_a_jwt_counts_in_the_header_alone(name: str) -> None:
    with pytest.raises(errors.InvalidRequest):
        read(ASSEMBLY | {name: "a.b.c"}, authorization=None)


def test_the_record_shows_a_name_that_is_known_and_a_mark_for_another() -> None:
    wishes = read(ASSEMBLY | {"credential": "hidden"}).describe({"avatar"}.__contains__)
    assert wishes.signing is not None
    assert (wishes.signing.kind, wishes.signing.name, wishes.credential) == ("assembly", "avatar", "?")
    assert read(STORAGE).describe(lambda name: False).signing.name == "?"  # type: ignore[union-attr]
