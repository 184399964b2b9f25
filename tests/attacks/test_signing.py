"""Requests to have more signed than a rule says: nothing is signed, and no call of Secrets Manager is made for it."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.kit.brokers import SECRETS_URL, TOKEN_URL, InMemory
from tests.kit.callers import Answer
from tests.kit.policies import assembly_form, condition, issuer, rule, sign_rule, smart_cdn_form, storage_form
from tests.kit.rows import Rows

ASSEMBLY = {"kind": "assembly", "template": "avatar"}
CDN = {"kind": "smart_cdn", "template": "thumbnail", "input": "users/alice/a.jpg"}
STORAGE = {"kind": "storage", "grant": "own"}
KINDS = pytest.mark.parametrize("wish", [ASSEMBLY, CDN, STORAGE], ids=lambda wish: str(wish["kind"]))
CLAIM_AND_TEXT = [["users", ["sub"]], ["public"]]


def signing_broker(**parts: Any) -> InMemory:
    return InMemory(**{"sign_rules": [sign_rule()], "rules": []} | parts)


def refuses(broker: InMemory, members: Any, status: int = 400, jwt: str | None = None) -> bool:
    """Whether this gets nothing signed, leaves one record, and causes no call of Secrets Manager and api2."""
    records, asked = len(broker.records), broker.web.count(SECRETS_URL)
    answer = broker.sign(members, jwt)
    assert not answer.body.keys() & {"params", "signature", "url", "urls", "grant"}
    assert len(broker.records) == records + 1
    assert broker.web.count(SECRETS_URL) == asked
    assert broker.web.count(TOKEN_URL) == 0
    return answer.status == broker.record.status == status


def signed_params(broker: InMemory, members: Any = ASSEMBLY) -> Any:
    return json.loads(broker.sign(members).body["params"])


# What api2 takes in `params` of an Assembly, in its `auth`, in a Smart CDN URL and in a grant's claims.
NEVER_SIGNED = [
    *("auth", "steps", "template_id", "notify_url", "redirect_url", "quiet", "allow_steps_override", "emit_execution"),
    *("key", "expires", "expires_at", "nonce", "max_size", "max_number_of_files", "referer", "signature"),
    *("workspace", "origin", "host", "url", "baseUrl", "urlParams", "auth_key", "exp", "sig", "hsh"),
    *("v", "bucket", "prefix", "scopes", "sub", "iat", "scope", "aud", "rule", "algorithm", "__proto__", "", "Fields"),
]


@KINDS
@pytest.mark.parametrize("name", NEVER_SIGNED)
def test_a_member_that_must_not_be_signed_is_refused_whatever_its_value(wish: dict[str, Any], name: str) -> None:
    broker = signing_broker()
    values: list[Any] = [{}, "x", 1, None, True, ["read"]]
    for value in values:
        assert refuses(broker, wish | {name: value})


@pytest.mark.parametrize(
    "wish",
    [
        ASSEMBLY | {"params": {}},
        ASSEMBLY | {"input": "users/alice/a.jpg"},
        ASSEMBLY | {"expires_in": 60},
        CDN | {"fields": {}},
        CDN | {"grant": "own"},
        STORAGE | {"template": "avatar"},
        STORAGE | {"input": "users/alice/a.jpg"},
    ],
    ids=str,
)
def test_a_member_of_another_kind_is_refused(wish: dict[str, Any]) -> None:
    assert refuses(signing_broker(), wish)


@pytest.mark.parametrize(
    "name", ["steps", "auth", "notify_url", "template_id", "source", "file", "signature", "album ", "\uff41lbum"]
)
def test_a_field_that_callers_may_not_write_is_refused(name: str) -> None:
    broker = signing_broker()
    assert refuses(broker, ASSEMBLY | {"fields": {name: "x"}})
    assert refuses(broker, ASSEMBLY | {"fields": {"album": "x", name: "x"}})


@pytest.mark.parametrize("value", [1, True, None, ["x"], {"x": "y"}, 1.5], ids=str)
def test_a_field_is_a_text(value: Any) -> None:
    assert refuses(signing_broker(), ASSEMBLY | {"fields": {"album": value}})


# The last three rows are plain only until a store or a file system normalizes them.
HIDDEN = {
    "filled in": "${fields.x}",
    "escaped": "a%2Fb",
    "backslash": "a\\b",
    "NUL": "a\0",
    "newline": "a\nb",
    "right to left": "a\u202egpj.exe",
    "isolate": "a\u2066b",
    "zero width": "a\u200bb",
    "soft hyphen": "a\u00adb",
    "byte order mark": "\ufeffa",
    "line separator": "a\u2028b",
    "paragraph separator": "a\u2029b",
    "private use": "a\ue000b",
    "tag": "a\U000e0041b",
    "wide dollar": "\uff04{x}",
    "wide brace": "$\uff5bx}",
    "small percent": "a\ufe6a2fb",
}


@pytest.mark.parametrize("text", HIDDEN.values(), ids=HIDDEN)
def test_a_text_that_hides_something_is_signed_neither_as_a_field_nor_as_an_input(text: str) -> None:
    broker = signing_broker()
    assert refuses(broker, ASSEMBLY | {"fields": {"album": text}})
    assert refuses(broker, CDN | {"input": f"users/alice/{text}"})
    assert refuses(broker, {"kind": "smart_cdn", "template": "thumbnail", "inputs": ["users/alice/a", text]})


def take_time(broker: InMemory, text: str) -> float:
    """Seconds of processor time that a stranger's field costs, the least of five."""
    taken = []
    for _ in range(5):
        started = time.thread_time()
        broker.sign(json.dumps(ASSEMBLY | {"fields": {"album": text}}, ensure_ascii=False), "a.b.c")
        taken.append(time.thread_time() - started)
    return min(taken)


@pytest.mark.parametrize("text", ["a" + "\u0301" * 4000 + "\u0323" * 4000, "\ufdfa" * 5300], ids=["marks", "ligatures"])
def test_a_stranger_s_text_that_is_slow_to_normalize_is_refused_before_that(text: str) -> None:
    """16 KiB of combining marks took 100 ms, where others take 0.1."""
    broker = signing_broker()
    assert refuses(broker, ASSEMBLY | {"fields": {"album": "é" * 513}})
    assert take_time(broker, text) < 20 * take_time(broker, "a" * 16_000)


CLIMBING = [
    *("users/alice/../bob/a", "users/alice/..", "users/alice/.", "users/alice/./a", "../users/alice/a", "."),
    *("users/alice/", "users/alice/a/", "users/alice//a", "/users/alice/a", "//users/alice/a", "/", "", " "),
    *("users/alice/\uff0e\uff0e/bob", "users/alice/\u2025/bob", "users/alice/a\uff0f", "users/alice\uff0f..\uff0fbob"),
    *("users/alice", "users/alice2/a", "users/ALICE/a", "users/bob/a", "users", "alice/a", "https://x.example/a"),
    "users/\uff41lice/a",
    "users/alice/" + "a" * 1013,
    "users/alice/" + "\ufdfa" * 40,  # 132 bytes, and 1332 once normalized
]


@pytest.mark.parametrize("text", CLIMBING, ids=lambda text: ascii(text)[:40])
def test_an_input_outside_the_caller_s_folder_is_refused_alone_and_among_good_ones(text: str) -> None:
    broker = signing_broker()
    assert refuses(broker, CDN | {"input": text})
    assert refuses(broker, {"kind": "smart_cdn", "template": "thumbnail", "inputs": ["users/alice/a", text]})


@pytest.mark.parametrize("text", ["users/alice/" + "a" * 1012, "users/alice/..a", "users/alice/ü \U0001f600?#&=+"])
def test_an_odd_input_in_the_caller_s_folder_is_signed_as_one_segment(text: str) -> None:
    answer = signing_broker().sign(CDN | {"input": text})
    assert answer.status == 200
    assert answer.body["url"].partition("?")[0].count("/") == 4


@pytest.mark.parametrize(
    "more", [{"input": 1}, {"input": None}, {"input": ["a"]}, {"inputs": ["users/alice/a"]}], ids=str
)
def test_an_input_is_one_text_or_many_and_never_both(more: dict[str, Any]) -> None:
    assert refuses(signing_broker(), CDN | more)


@pytest.mark.parametrize("count", [0, 101])
def test_fewer_than_one_and_more_than_a_hundred_inputs_are_refused(count: int) -> None:
    wish = {"kind": "smart_cdn", "template": "thumbnail", "inputs": ["users/alice/a"] * count}
    assert refuses(signing_broker(), wish)


@pytest.mark.parametrize(
    "name", ["input", "auth_key", "exp", "sig", "hsh", "template", "workspace", "w[]", "w ", "\uff57", ""]
)
def test_a_parameter_that_replaces_what_was_signed_is_refused(name: str) -> None:
    broker = signing_broker()
    for value in ("users/bob/a.jpg", 100, True):
        assert refuses(broker, CDN | {"params": {name: value}})


@pytest.mark.parametrize("value", [101, "100", True, 100.5, None, [100], {"x": 1}, 2**53, -100, "100&input=x"], ids=str)
def test_a_parameter_s_value_that_is_no_choice_is_refused(value: Any) -> None:
    assert refuses(signing_broker(), CDN | {"params": {"w": value}})


@pytest.mark.parametrize(
    "seconds", [3601, 2**53 - 1, 2**53, 10**400, 0, -1, 1.5, "60", True, [60]], ids=lambda s: str(s)[:9]
)
def test_a_life_that_the_rule_does_not_give_is_refused(seconds: Any) -> None:
    broker = signing_broker()
    assert refuses(broker, CDN | {"expires_in": seconds})
    assert refuses(broker, STORAGE | {"expires_in": seconds})


@KINDS
@pytest.mark.parametrize(
    "sub",
    [
        "a/b",
        "..",
        "a/../b",
        ".",
        ".a",
        "a.",
        "a..b",
        "a\n",
        "a\nb",
        "a\0",
        "a%2fb",
        "a\\b",
        "${x}",
        "\uff0f",
        "ä",
        "a b",
    ],
    ids=ascii,
)
def test_a_claim_that_would_lead_to_the_files_of_others_gets_nothing(wish: dict[str, Any], sub: str) -> None:
    broker = signing_broker()
    assert refuses(broker, wish, 403, broker.jwt(sub=sub))
    assert sub not in (broker.record.reason or "")


def test_two_rules_of_one_name_give_neither_s_signature() -> None:
    """The compiler refuses such a policy; were it there all the same, the order of rules would not decide."""
    wide = sign_rule(name="wide", assembly={"avatar": assembly_form(steps={}, max_size=None)})
    for rules in ([sign_rule(), wide], [wide, sign_rule()]):
        assert refuses(signing_broker(sign_rules=rules), ASSEMBLY)


def test_another_credential_s_template_is_no_target_and_is_answered_like_one_that_is_nowhere() -> None:
    other = sign_rule(name="others", when=[condition("groups", ["any", ["admins"]])], credential="other")
    broker = signing_broker(credentials=["default", "other"], sign_rules=[sign_rule(), other])
    for wish in (ASSEMBLY, CDN, STORAGE):
        assert refuses(broker, wish | {"credential": "other"})
    there, nowhere = broker.sign(ASSEMBLY | {"credential": "other"}), broker.sign(ASSEMBLY | {"credential": "nowhere"})
    unknown = broker.sign(ASSEMBLY | {"template": "unknown"})
    assert there.body == nowhere.body == unknown.body
    assert there.body["error"] == "invalid_target"


@pytest.mark.parametrize(
    "name", ["0123456789abcdef0123456789abcdef", "serve-thumb", "builtin/serve-preview", "AVATAR", ""]
)
def test_a_template_is_asked_for_by_its_name_in_the_policy_alone(name: str) -> None:
    broker = signing_broker()
    assert refuses(broker, ASSEMBLY | {"template": name})
    assert refuses(broker, CDN | {"template": name})


@KINDS
def test_a_rule_for_bearer_tokens_gives_no_signature(wish: dict[str, Any]) -> None:
    assert refuses(signing_broker(rules=[rule(scopes=["assemblies:write"])], sign_rules=[]), wish, 403)


def test_a_rule_for_signatures_gives_no_bearer_token() -> None:
    broker = signing_broker()
    assert broker.refuses(broker.jwt(), 403)
    assert broker.refuses(broker.jwt(), 403, scope="assemblies:write")
    assert broker.refuses(broker.jwt(), 403, scope="smart_cdn:sign")


@pytest.mark.parametrize("typ", ["client-authentication+jwt", "oauth-id-jag+jwt", "application/OAuth-ID-JAG+jwt"])
def test_a_jwt_that_is_made_for_a_token_endpoint_gets_no_signature_though_the_policy_accepts_its_type(typ: str) -> None:
    accepted = ["client-authentication+jwt", "oauth-id-jag+jwt"]
    broker = signing_broker(issuers=[issuer(typ=accepted)], rules=[rule()])
    jwt = broker.signer.jwt(broker.claims(), typ=typ)
    assert refuses(broker, ASSEMBLY, 401, jwt)
    assert broker.post(jwt).status == 200


@pytest.mark.parametrize("first", ["token", "signature"])
def test_a_jwt_that_is_good_once_gets_either_a_token_or_a_signature(first: str) -> None:
    broker = signing_broker(issuers=[issuer(once=True)], rules=[rule()], rows=Rows())
    jwt = broker.jwt(jti="once-1")
    asks: list[Callable[[], Answer]] = [lambda: broker.post(jwt), lambda: broker.sign(ASSEMBLY, jwt)]
    if first == "signature":
        asks.reverse()
    assert asks[0]().status == 200
    assert [ask().outcome for ask in asks] == [(401, "invalid_token")] * 2


def test_a_refused_request_does_not_spend_a_jwt_that_is_good_once() -> None:
    broker = signing_broker(issuers=[issuer(once=True)], rows=Rows())
    jwt = broker.jwt(jti="once-1")
    assert broker.sign(CDN | {"input": "users/bob/a"}, jwt).status == 400
    assert broker.sign(CDN, jwt).status == 200


@KINDS
def test_an_expired_jwt_gets_nothing_signed(wish: dict[str, Any]) -> None:
    broker = signing_broker()
    jwt = broker.jwt()
    assert broker.sign(wish, jwt).status == 200
    broker.clock.advance(331)
    assert refuses(broker, wish, 401, jwt)


@KINDS
@pytest.mark.parametrize("form", ["assertion", "subject_token", "client_assertion", "jwt", "access_token"])
def test_a_jwt_in_the_body_is_no_proof(wish: dict[str, Any], form: str) -> None:
    broker = signing_broker()
    assert refuses(broker, wish | {form: broker.jwt()})
    assert broker.sign(wish | {form: broker.jwt()}, authorization=None).outcome == (401, "invalid_client")


@pytest.mark.parametrize(
    "body",
    [
        '{"kind": "assembly", "kind": "storage", "grant": "own"}',
        '{"kind": "assembly", "template": "avatar", "template": "x"}',
        '{"kind": "assembly", "template": "avatar", "fields": {"album": "a", "album": "b"}}',
        '{"kind": "assembly", "template": "avatar", "fields": {"album": "\\ud800"}}',
        '{"kind": "smart_cdn", "template": "thumbnail", "input": "users/alice/\\udc00"}',
        '{"kind": "assembly", "template": "avatar"} ',
        '[{"kind": "assembly", "template": "avatar"}]',
        '"assembly"',
        "{}",
        "",
        "null",
        '{"kind": "assembly", "template": "avatar"',
        '{"kind": "ASSEMBLY", "template": "avatar"}',
        '{"kind": ["assembly"], "template": "avatar"}',
        '{"kind": "assembly", "template": NaN}',
        "[" * 8000,
        '{"a":' * 3000,
        b"\xff\xfe{\x00}\x00",
        b'\xef\xbb\xbf{"kind": "assembly", "template": "avatar"}',
        "kind=assembly&template=avatar",
    ],
    ids=lambda body: repr(body)[:50],
)
def test_a_body_that_two_readers_may_read_in_two_ways_is_refused(body: str | bytes) -> None:
    broker = signing_broker()
    if body == '{"kind": "assembly", "template": "avatar"} ':  # white space around is one reading
        assert broker.sign(body).status == 200
    else:
        assert refuses(broker, body)
        assert broker.record.outcome == "InvalidRequest"


def test_what_is_signed_is_built_of_the_rule_even_where_a_caller_sends_all_that_it_may() -> None:
    params = signed_params(signing_broker(), ASSEMBLY | {"fields": {"album": "summer"}})
    assert params.keys() == {"auth", "template_id", "steps", "fields"}
    assert params["auth"].keys() == {"key", "expires", "nonce", "max_size", "max_number_of_files"}
    assert params["steps"] == {"exported": {"path": "users/alice/${file.id}.${file.ext}"}}
    assert params["fields"] == {"source": "web", "album": "summer"}


@pytest.mark.parametrize("pieces", CLAIM_AND_TEXT, ids=str)
def test_a_grant_s_prefix_ends_with_a_slash(pieces: list[Any]) -> None:
    """Without it the folder `users/al` would open `users/alice`."""
    rules = [sign_rule(storage={"own": storage_form(prefix=pieces)})]
    assert signing_broker(sign_rules=rules).sign(STORAGE).body["prefix"].endswith("/")


def test_no_input_names_the_folder_itself_by_a_pattern() -> None:
    rules = [sign_rule(smart_cdn={"thumbnail": smart_cdn_form(under=[], inputs=["like", "public/**"])})]
    broker = signing_broker(sign_rules=rules)
    for text in ("public", "public/", "public/..", "private/a", "public/../private/a", "public\uff0f..\uff0fprivate"):
        assert refuses(broker, CDN | {"input": text})
    assert broker.sign(CDN | {"input": "public/a/b.jpg"}).status == 200
