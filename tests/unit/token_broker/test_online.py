"""`policy check --online`: what an issuer's keys are like now, and what to do where there are none."""

import json
from typing import Any

import pytest
from broker.base.net import OutOfReach
from broker.policy.model import load
from token_broker.policy.compiler import compile_policy
from token_broker.policy.online import KeysReport, report_keys

from tests.kit.brokers import DISCOVERY_URL, JWKS_URL
from tests.kit.clock import Clock
from tests.kit.jwts import Signer
from tests.kit.policies import ISSUER
from tests.kit.web import Web, reply

RSA, EC = Signer("RS256"), Signer("ES256", "k2")
DISCOVERED: dict[str, Any] = {"issuer": ISSUER, "audiences": ["us"], "algorithms": ["RS256"], "keys": "discovery"}


def reports(web: Web, **issuers: dict[str, Any]) -> list[KeysReport]:
    rules = [{"name": name, "issuer": name, "when": {"sub": "job"}, "scopes": ["queues:read"]} for name in issuers]
    document = {"version": 1, "credentials": {"default": {}}, "issuers": issuers, "rules": rules}
    return list(report_keys(load(compile_policy(json.dumps(document), "policy.yaml").data), web, Clock()))


def web() -> Web:
    made = Web()
    made[DISCOVERY_URL] = reply({"issuer": ISSUER, "jwks_uri": JWKS_URL})
    made[JWKS_URL] = reply({"keys": [RSA.jwk(), RSA.jwk(kid="k3"), EC.jwk(), {"kty": "oct"}]})
    return made


def test_the_keys_that_fit_the_entry_s_algorithms_are_counted() -> None:
    assert reports(web(), site=DISCOVERED) == [KeysReport("site", 2)]
    assert reports(web(), site=DISCOVERED | {"algorithms": ["ES256", "RS256"]}) == [KeysReport("site", 3)]


def test_a_set_without_a_key_for_the_entry_says_which_algorithms_it_is_for() -> None:
    outside = web()
    outside[JWKS_URL] = reply(EC.jwks())
    (report,) = reports(outside, site=DISCOVERED)
    assert report == KeysReport("site", 0, "none of its keys fits `algorithms`; they verify ES256")


@pytest.mark.parametrize(
    ("url", "answer", "words"),
    [
        (DISCOVERY_URL, reply(b"", status=404), "issuer has no discovery document; name its key set: keys: {url: "),
        (DISCOVERY_URL, reply({"issuer": ISSUER.rstrip("/")}), "discovery document of another issuer; mind the slash"),
        (JWKS_URL, OutOfReach("timeout"), "key set: timeout"),
        (JWKS_URL, reply(b"", status=403), "key set: status 403"),
    ],
)
def test_a_failed_fetch_of_keys_is_an_error_that_says_what_to_do(url: str, answer: Any, words: str) -> None:
    outside = web()
    outside[url] = answer
    (report,) = reports(outside, site=DISCOVERED)
    assert (report.usable, words in str(report.problem)) == (0, True)


def test_each_issuer_has_its_own_report_and_inline_keys_need_none() -> None:
    outside = web()
    outside["https://keys.example/jwks"] = reply(EC.jwks())
    by_url = DISCOVERED | {"issuer": "a", "algorithms": ["ES256"], "keys": {"url": "https://keys.example/jwks"}}
    inline = DISCOVERED | {"issuer": "b", "keys": {"jwks": RSA.jwks()}}
    missing = by_url | {"issuer": "c", "keys": {"url": "https://gone.example/"}}
    found = reports(outside, site=DISCOVERED, url=by_url, inline=inline, gone=missing)
    assert [(report.entry, report.usable) for report in found] == [("site", 2), ("url", 1), ("gone", 0)]


def test_entries_of_one_issuer_share_a_fetch() -> None:
    outside = web()
    other = DISCOVERED | {"audiences": ["them"], "algorithms": ["ES256"]}
    found = reports(outside, site=DISCOVERED, other=other)
    assert [(report.entry, report.usable) for report in found] == [("site", 2), ("other", 1)]
    assert outside.count(JWKS_URL) == 1
