"""Signatures by the Auth Secret, through the whole broker in memory: answer, record, and what is never called."""

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from broker.base.audit import make_fields

from tests.kit.brokers import AUTH_KEY, AUTH_SECRET, SECRETS_URL, TOKEN_URL, InMemory, secret
from tests.kit.policies import assembly_form, sign_rule
from tests.kit.web import reply

ASSEMBLY = {"kind": "assembly", "template": "avatar"}
CDN = {"kind": "smart_cdn", "template": "thumbnail", "input": "users/alice/a.jpg"}
STORAGE = {"kind": "storage", "grant": "own"}
KINDS = pytest.mark.parametrize("wish", [ASSEMBLY, CDN, STORAGE], ids=lambda wish: str(wish["kind"]))


def signing_broker(**parts: Any) -> InMemory:
    return InMemory(**{"sign_rules": [sign_rule()]} | parts)


def sign(text: str, algorithm: str = "sha256") -> str:
    return hmac.new(AUTH_SECRET.encode(), text.encode(), algorithm).hexdigest()


@pytest.mark.parametrize("algorithm", ["sha384", "sha256"])
def test_an_assembly_s_parameters_are_signed_by_the_algorithm_of_the_rule(algorithm: str) -> None:
    broker = signing_broker(sign_rules=[sign_rule(assembly={"avatar": assembly_form(algorithm=algorithm)})])
    answer = broker.sign(ASSEMBLY)
    assert answer.status == 200
    assert set(answer.body) == {"params", "signature", "expires_at"}
    assert answer.body["signature"] == f"{algorithm}:{sign(answer.body['params'], algorithm)}"
    assert answer.body["expires_at"] == "2027-01-15T08:05:00Z"
    assert json.loads(answer.body["params"])["auth"]["key"] == AUTH_KEY


def test_no_two_assemblies_have_the_same_nonce() -> None:
    broker = signing_broker()
    nonces = {json.loads(broker.sign(ASSEMBLY).body["params"])["auth"]["nonce"] for _ in range(20)}
    assert len(nonces) == 20


def test_a_url_is_signed_with_what_it_shows() -> None:
    answer = signing_broker().sign(CDN | {"expires_in": 60})
    assert set(answer.body) == {"url", "expires_at"}
    signed, _, signature = answer.body["url"].rpartition("&sig=sha256%3A")
    assert signature == sign(signed.replace("https://acme.tlcdn.com", "acme"))
    assert answer.body["expires_at"] == "2027-01-15T08:01:00Z"
    assert parse_qs(urlsplit(answer.body["url"]).query)["exp"] == ["1800000060000"]


def test_many_inputs_get_their_urls_in_one_answer() -> None:
    answer = signing_broker().sign(
        {"kind": "smart_cdn", "template": "thumbnail", "inputs": ["users/alice/b", "users/alice/a"]}
    )
    assert [urlsplit(url).path for url in answer.body["urls"]] == [
        "/serve-thumb/users%2Falice%2Fb",
        "/serve-thumb/users%2Falice%2Fa",
    ]


def test_one_input_of_a_list_is_answered_as_a_list() -> None:
    answer = signing_broker().sign({"kind": "smart_cdn", "template": "thumbnail", "inputs": ["users/alice/a"]})
    assert len(answer.body["urls"]) == 1


def test_a_grant_is_answered_with_what_it_gives() -> None:
    answer = signing_broker().sign(STORAGE)
    assert answer.body | {"grant": ""} == {
        "grant": "",
        "prefix": "users/alice/",
        "scopes": ["read", "write"],
        "expires_at": "2027-01-15T08:15:00Z",
    }


@KINDS
def test_an_answer_is_not_kept_by_caches(wish: dict[str, Any]) -> None:
    assert signing_broker().sign(wish).headers["cache-control"] == "no-store"


@KINDS
def test_a_signature_causes_no_call_of_transloadit(wish: dict[str, Any]) -> None:
    broker = signing_broker()
    assert broker.sign(wish).status == 200
    assert broker.web.count(TOKEN_URL) == 0
    assert broker.web.count(SECRETS_URL) == 1


def record_of(broker: InMemory) -> dict[str, Any]:
    return {name: value for name, value in make_fields(broker.record).items() if name.startswith("signature_")}


def test_the_record_of_an_assembly_leads_from_its_nonce_to_its_caller() -> None:
    broker = signing_broker()
    params = json.loads(broker.sign(ASSEMBLY).body["params"])
    assert record_of(broker) == {
        "signature_kind": "assembly",
        "signature_name": "avatar",
        "signature_auth_key": AUTH_KEY,
        "signature_secret_version": "v1",
        "signature_expires_at": 1_800_000_300,
        "signature_credential": "default",
        "signature_template": "0123456789abcdef0123456789abcdef",
        "signature_nonce": params["auth"]["nonce"],
    }
    assert (broker.record.subject, broker.record.rules) == ("alice", ("editors upload avatars",))


def test_the_record_of_urls_has_an_id_of_each_by_which_it_is_found() -> None:
    broker = signing_broker()
    urls = broker.sign(
        {"kind": "smart_cdn", "template": "thumbnail", "inputs": ["users/alice/a", "users/alice/b"]}
    ).body["urls"]
    ids = [hashlib.sha256(url.rpartition("%3A")[2].encode()).hexdigest()[:16] for url in urls]
    assert record_of(broker)["signature_url_ids"] == " ".join(ids)


def test_the_record_of_a_grant_has_the_prefix_as_a_hash() -> None:
    broker = signing_broker()
    broker.sign(STORAGE)
    record = record_of(broker)
    assert record["signature_prefix_sha256"] == hashlib.sha256(b"users/alice/").hexdigest()
    assert record["signature_scopes"] == "read write"


@KINDS
def test_no_signature_and_no_secret_is_in_the_record(wish: dict[str, Any]) -> None:
    broker = signing_broker()
    body = broker.sign(wish).body
    record = str(make_fields(broker.record))
    private = [AUTH_SECRET, body.get("signature", "?"), body.get("params", "?"), body.get("grant", "?").split(".")[-1]]
    private += [body.get("url", "?").rpartition("%3A")[2]]
    assert not any(text in record for text in private if text)
    assert "users/alice" not in record


def test_the_record_of_a_refusal_names_kind_name_and_condition() -> None:
    broker = signing_broker()
    assert broker.sign(CDN | {"params": {"w": 1}}).outcome == (400, "invalid_request")
    assert broker.record.reason == "param w"
    assert record_of(broker) == {"signature_kind": "smart_cdn", "signature_name": "thumbnail"}


def test_a_request_for_a_token_has_no_members_of_a_signature_in_its_record() -> None:
    broker = signing_broker()
    broker.post()
    assert record_of(broker) == {}


def test_the_31st_assembly_of_a_caller_is_over_its_budget_and_others_are_not() -> None:
    broker = signing_broker()
    assert {broker.sign(ASSEMBLY).status for _ in range(30)} == {200}
    answer = broker.sign(ASSEMBLY)
    assert answer.outcome == (429, "temporarily_unavailable")
    assert (answer.body["retry_after"], answer.headers["retry-after"]) == (6, "6")
    assert broker.sign(ASSEMBLY, broker.jwt(sub="bob")).status == 200
    assert broker.sign(CDN).status == 200
    assert broker.post().status == 200
    broker.clock.advance(6)
    assert [broker.sign(ASSEMBLY).status for _ in range(2)] == [200, 429]


def test_a_new_version_of_the_secret_signs_within_five_minutes() -> None:
    broker = signing_broker()
    broker.sign(STORAGE)
    broker.web[SECRETS_URL] = secret("v2")
    broker.clock.advance(299)
    broker.sign(STORAGE)
    broker.clock.advance(1)
    broker.sign(STORAGE)
    assert [each.signing.secret_version for each in broker.records if each.signing] == ["v1", "v1", "v2"]


@KINDS
def test_without_its_secret_nothing_is_signed(wish: dict[str, Any]) -> None:
    broker = signing_broker()
    broker.web[SECRETS_URL] = reply(b"", 500)
    assert broker.sign(wish).outcome == (503, "temporarily_unavailable")
