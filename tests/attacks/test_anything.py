"""Any bytes at all: each request leaves one record and a well-formed answer, and bad ones cause no call upstream."""

import json
from functools import cache
from typing import Any

from broker.request.http import HttpRequest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.brokers import JWKS_URL, SECRETS_URL, TOKEN_URL, InMemory
from tests.kit.callers import Answer
from tests.kit.forms import ORIGIN
from tests.kit.jwts import b64, part
from tests.kit.notifications import ASSEMBLY_ID, STATUS_URL, Reception
from tests.kit.policies import sign_rule
from tests.kit.web import reply

TEXT = st.text(max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
HEADERS = st.dictionaries(st.sampled_from(["authorization", "content-type", "host", "cookie"]), TEXT)


def check(broker: InMemory, http: HttpRequest) -> Answer:
    before = len(broker.records)
    answer = broker.send(http)
    assert len(broker.records) == before + 1
    assert broker.record.status == answer.status
    assert answer.headers["cache-control"] == "no-store"
    if answer.status == 200:
        assert broker.record.rules
    else:
        assert answer.body.keys() >= {"error", "error_description", "message", "request_id"}
        assert answer.status != 500
    return answer


@settings(max_examples=300)
@given(
    method=st.sampled_from(["POST", "GET", "HEAD", "post", ""]),
    headers=HEADERS | st.dictionaries(TEXT, TEXT, max_size=4),
    body=TEXT | st.from_regex(r"(grant_type=client_credentials)?(&[a-z_]{1,8}=[ -~]{0,8}){0,4}", fullmatch=True),
    is_base64=st.booleans(),
)
def test_an_arbitrary_request_leaves_one_record_and_causes_no_call(
    method: str, headers: dict[str, str], body: str, is_base64: bool
) -> None:
    broker = InMemory()
    answer = check(broker, HttpRequest("request-1", method, "ANY /token", ORIGIN, headers, body, is_base64))
    assert answer.status >= 400
    assert broker.web.calls == []


@settings(max_examples=300)
@given(header=JSON | st.binary(max_size=60), claims=JSON | st.binary(max_size=60), signature=st.binary(max_size=80))
def test_an_arbitrary_jwt_is_refused(header: Any, claims: Any, signature: bytes) -> None:
    broker = InMemory()
    assert broker.refuses(f"{part(header)}.{part(claims)}.{b64(signature)}")


@settings(max_examples=300)
@given(changes=st.dictionaries(st.sampled_from(["iss", "sub", "aud", "exp", "iat", "nbf", "groups", "cnf"]), JSON))
def test_arbitrary_claims_that_are_truly_signed_get_a_token_only_within_the_policy(changes: dict[str, Any]) -> None:
    broker = InMemory()
    claims = broker.claims() | changes
    answer = broker.post(broker.signer.jwt(claims))
    assert len(broker.records) == 1
    if answer.status == 200:
        assert "editors" in claims["groups"]
        assert claims["exp"] + 30 > broker.clock()
    else:
        assert answer.status in (401, 403)
        assert broker.web.count(SECRETS_URL) == 0


INPUT = st.text(min_size=1, max_size=20).map("users/alice/{}".format)
GOOD = st.one_of(
    st.fixed_dictionaries({"kind": st.just("assembly"), "template": st.just("avatar")}),
    st.fixed_dictionaries({"kind": st.just("smart_cdn"), "template": st.just("thumbnail"), "input": INPUT}),
    st.fixed_dictionaries(
        {"kind": st.just("smart_cdn"), "template": st.just("thumbnail"), "inputs": st.lists(INPUT, max_size=3)}
    ),
    st.fixed_dictionaries({"kind": st.just("storage"), "grant": st.just("own")}),
)
# Members that may be there as well, or in place of the good ones, as often right as not.
MORE = st.fixed_dictionaries(
    {},
    optional={
        "params": st.dictionaries(st.sampled_from("wfx"), st.sampled_from([100, "webp", True]) | JSON),
        "fields": st.dictionaries(st.sampled_from(["album", "source", "x"]), TEXT | JSON),
        "expires_in": st.integers(-1, 4000) | JSON,
        "credential": st.just("default") | JSON,
    },
)
ODD = st.dictionaries(
    st.sampled_from(["kind", "template", "grant", "input", "inputs", "params"]) | TEXT, JSON, max_size=1
)
WISH = GOOD | st.builds(lambda good, more: good | more, GOOD, MORE | ODD)


@settings(max_examples=500)
@given(body=WISH.map(json.dumps) | JSON.map(json.dumps) | TEXT | st.binary(max_size=200))
def test_an_arbitrary_request_for_a_signature_gets_one_only_within_the_rule(body: str | bytes) -> None:
    broker = InMemory(sign_rules=[sign_rule()])
    answer = broker.sign(body)
    assert (len(broker.records), broker.record.status) == (1, answer.status)
    assert answer.status in (200, 400)
    if answer.status == 400:
        assert answer.body.keys() >= {"error", "error_description", "message", "request_id"}
        assert broker.web.count(SECRETS_URL) == 0
        return
    wish = json.loads(body)
    asked = {"assembly": "avatar", "smart_cdn": "thumbnail"}.get(wish["kind"], "own")
    assert asked in (wish.get("template"), wish.get("grant"))
    assert wish.get("fields", {}).keys() <= {"album"}
    assert [each for each in (wish.get("params") or {}).items() if each not in (("w", 100), ("f", "webp"))] == []
    inputs = [wish["input"]] if wish.get("input") is not None else wish.get("inputs") or []
    assert all(text.startswith("users/alice/") and not text.endswith("/") for text in inputs)
    assert wish.get("expires_in") is None or 1 <= wish["expires_in"] <= 3600


@settings(max_examples=200)
@given(body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()), status=st.integers(200, 599))
def test_an_arbitrary_answer_of_another_server_is_a_failure_without_a_token(body: bytes, status: int) -> None:
    for url in (JWKS_URL, SECRETS_URL, TOKEN_URL):
        broker = InMemory()
        broker.web[url] = reply(body, status)
        answer = broker.post()
        assert answer.status in (500, 502, 503)
        assert "access_token" not in answer.body
        assert len(broker.records) == 1
        assert not (broker.record.reason or "").startswith("defect")


TYPE = st.sampled_from(["application/x-www-form-urlencoded", "multipart/form-data; boundary=X", "multipart/form-data"])
HEAD = rb'Content-Disposition: form-data; name="(transloadit|signature)"(; filename="a")?\r\n'
PARTS = st.from_regex(
    rb"(--X\r\n(" + HEAD + rb")?\r\n[ -~]{0,9}\r\n){0,3}(--X--)?(\r\n)?",
    fullmatch=True,
)


@cache
def make_reception() -> Reception:
    return Reception()


def receive() -> Reception:
    """One for all, since its clients of AWS take longest to make; what it remembers is forgotten."""
    reception = make_reception()
    reception.records.clear()
    reception.web.calls.clear()
    return reception


@settings(max_examples=300)
@given(body=st.binary(max_size=60) | PARTS, content_type=TYPE | TEXT, c=TEXT | st.none())
def test_an_arbitrary_notification_leaves_one_record_and_asks_api2_nothing(
    body: bytes, content_type: str, c: str | None
) -> None:
    reception = receive()
    answer = reception.send(body, content_type, c=c)
    assert answer.status in (400, 403, 415)
    assert reception.refuses(answer, answer.status)
    assert len(reception.records) == 1
    assert reception.asked == 0


@settings(max_examples=300)
@given(signed=JSON | st.fixed_dictionaries({"assembly_id": st.just(ASSEMBLY_ID)}, optional={"ok": JSON, "error": JSON}))
def test_an_arbitrary_text_that_is_truly_signed_completes_nothing_that_api2_does_not_say(signed: Any) -> None:
    reception = receive()
    reception.says("ASSEMBLY_EXECUTING")
    answer = reception.post(json.dumps(signed))
    assert answer.status in (200, 400, 503)
    assert reception.completions == []


STATUS = {
    "ok": JSON | st.just("ASSEMBLY_COMPLETED"),
    "error": JSON,
    "assembly_id": JSON | st.just(ASSEMBLY_ID),
    "account_slug": JSON | st.just("acme"),
    "assembly_ssl_url": JSON | st.just("https://a.example/"),
    "notify_url": JSON,
}


@settings(max_examples=300)
@given(changes=st.fixed_dictionaries({}, optional=STATUS), status=st.sampled_from([200, 400, 404, 429, 500]))
def test_an_arbitrary_status_of_api2_succeeds_only_as_success_of_this_assembly(
    changes: dict[str, Any], status: int
) -> None:
    reception = receive()
    said = reception.status() | changes
    reception.web[STATUS_URL] = reply(said, status)
    reception.post()
    if any(name == "succeed" for name, _ in reception.completions):
        assert (said["ok"], said["assembly_id"], said["account_slug"]) == ("ASSEMBLY_COMPLETED", ASSEMBLY_ID, "acme")
        assert said.get("error") is None
