"""Tricks with issuer, audience and time. No network before trust: nothing is fetched for an unknown issuer."""

import json
from typing import Any

import pytest

from tests.kit.brokers import InMemory
from tests.kit.jwts import Signer
from tests.kit.policies import AUDIENCE, ISSUER, condition, issuer, rule

HOST = "login.example.com"


@pytest.mark.parametrize(
    "iss",
    [
        f"https://{HOST}",
        f"https://{HOST}//",
        f"https://{HOST}/../",
        f"https://{HOST}/.",
        f"https://{HOST}/?",
        f"https://{HOST}/#",
        f"https://{HOST}/%2e",
        f"https://{HOST}:443/",
        f"https://{HOST}./",
        f"https://{HOST.upper()}/",
        f"HTTPS://{HOST}/",
        f"http://{HOST}/",
        f"https://{HOST}/@evil.example/",
        f"https://{HOST}@evil.example/",
        f"https://evil.example#@{HOST}/",
        f"https://evil.example/?{HOST}/",
        f"https://evil.example\\@{HOST}/",
        f"https://{HOST}.evil.example/",
        f"https://evil{HOST}/",
        "https://l\u043egin.example.com/",
        f"https://{HOST}\u3002/",
        "https://\uff4cogin.example.com/",
        "https://login\u200b.example.com/",
        f"https://{HOST}/ ",
        f" https://{HOST}/",
        f"https://{HOST}/\n",
        f"https://{HOST}/\0",
        f"//{HOST}/",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "gopher://evil.example/",
        "",
        "/",
        [f"https://{HOST}/"],
        {"iss": ISSUER},
        None,
        0,
        True,
    ],
    ids=repr,
)
def test_an_issuer_that_is_not_byte_for_byte_a_configured_one_is_refused_without_a_call(iss: Any) -> None:
    """octo-sts CVE-2025-52477, PyJWT CVE-2024-53861, Eclipse PIA CVE-2026-14336."""
    broker = InMemory()
    claims = {**broker.claims(), "iss": iss}
    assert broker.refuses(broker.signer.jwt(claims))
    assert broker.web.calls == []
    assert broker.record.issuer is None


def test_a_jwt_without_an_issuer_is_refused_without_a_call() -> None:
    broker = InMemory()
    assert broker.refuses(broker.jwt(iss=None))
    assert broker.web.calls == []


@pytest.mark.parametrize(
    "aud",
    [
        "https://tokens.example.com/",
        "https://tokens.example.co",
        "https://tokens.example.com.evil",
        "HTTPS://TOKENS.EXAMPLE.COM",
        f"{AUDIENCE} other",
        f"other,{AUDIENCE}",
        "",
        "*",
        [],
        ["other"],
        [AUDIENCE, 5],
        [[AUDIENCE]],
        {"aud": AUDIENCE},
        {AUDIENCE: True},
        0,
        True,
        None,
    ],
    ids=repr,
)
def test_an_audience_that_is_not_ours_is_refused_without_a_call(aud: Any) -> None:
    """Vault GO-2024-2921: a string and a list were treated differently."""
    broker = InMemory()
    assert broker.refuses(broker.signer.jwt({**broker.claims(), "aud": aud}))
    assert broker.web.calls == []


@pytest.mark.parametrize("aud", [AUDIENCE, [AUDIENCE], ["other", AUDIENCE]], ids=repr)
def test_an_audience_is_accepted_as_text_and_in_a_list(aud: Any) -> None:
    broker = InMemory()
    assert broker.post(broker.jwt(aud=aud)).status == 200


def test_an_audience_claim_of_another_name_does_not_hide_a_foreign_aud() -> None:
    broker = InMemory(issuers=[issuer(audience_claim="client_id")])
    assert broker.refuses(broker.jwt(client_id=AUDIENCE, aud="other"))
    assert broker.refuses(broker.jwt(client_id="other", aud=AUDIENCE))
    assert broker.post(broker.jwt(client_id=AUDIENCE, aud=None)).status == 200


NOW = 1_800_000_000
INFINITE = '{"iss":"%s","sub":"alice","aud":"%s","groups":["editors"],"exp":%%s}' % (ISSUER, AUDIENCE)  # noqa: UP031


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"exp": NOW - 30},
        {"exp": 0},
        {"exp": -1},
        {"exp": str(NOW + 300)},
        {"exp": True},
        {"exp": [NOW + 300]},
        {"exp": {}},
        {"iat": NOW + 31},
        {"iat": str(NOW)},
        {"iat": True},
        {"nbf": NOW + 31},
        {"nbf": "0"},
        {"nbf": False},
    ],
    ids=str,
)
def test_a_time_that_is_over_or_to_come_or_no_number_is_refused(changes: dict[str, Any]) -> None:
    broker = InMemory()
    assert broker.refuses(broker.jwt(**changes))
    assert broker.web.calls == []


@pytest.mark.parametrize("exp", ["NaN", "Infinity", "1e999", "-Infinity", "1800000300.0e0x", '"1800000300"'])
def test_an_expiry_that_never_comes_is_refused(exp: str) -> None:
    broker = InMemory()
    assert broker.refuses(broker.signer.jwt(INFINITE % exp))


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize("number", ["1" + "0" * 400, "-1" + "0" * 400], ids=["huge", "hugely negative"])
def test_a_number_of_hundreds_of_digits_is_a_number_and_no_defect(name: str, number: str) -> None:
    broker = InMemory(issuers=[issuer(max_age=3600)])
    claims = json.dumps(broker.claims(**{name: 4711})).replace("4711", number)
    answer = broker.post(broker.signer.jwt(claims))
    # Far in the future is a good end, and far in the past a good beginning.
    good = (name == "exp") == (not number.startswith("-")) and name != "iat"
    assert answer.status == (200 if good else 401)


@pytest.mark.parametrize("changes", [{"exp": NOW - 29}, {"iat": NOW + 30}, {"nbf": NOW + 30}], ids=str)
def test_times_have_thirty_seconds_of_leeway(changes: dict[str, Any]) -> None:
    broker = InMemory()
    assert broker.post(broker.jwt(**changes)).status == 200


@pytest.mark.parametrize("sub", [None, "", 5, ["alice"], {"name": "alice"}, True])
def test_a_subject_that_is_no_text_is_refused(sub: Any) -> None:
    broker = InMemory()
    assert broker.refuses(broker.signer.jwt({**broker.claims(), "sub": sub}))


@pytest.mark.parametrize(
    "claims",
    [
        f'{{"iss":"{ISSUER}","iss":"{ISSUER}","sub":"a","aud":"{AUDIENCE}","exp":1800000300}}',
        f'{{"iss":"{ISSUER}","sub":"mallory","aud":"{AUDIENCE}","exp":1800000300,"\\u0073ub":"alice"}}',
        f'{{"iss":"{ISSUER}","sub":"a","aud":"{AUDIENCE}","exp":1800000300,"x":{{"y":1,"y":2}}}}',
        f'{{"iss":"{ISSUER}","sub":"a","aud":"{AUDIENCE}","exp":1800000300}} trailing',
        f'{{"iss":"{ISSUER}","sub":"a","aud":"{AUDIENCE}","exp":1800000300,}}',
        "[" * 3000,
        '{"a":' * 1500,
        "null",
        b"\xff\xfe",
        b'{"iss":"\xc3\x28"}',
        f'{{"iss":"{ISSUER}","sub":"\\ud800","aud":"{AUDIENCE}","exp":1800000300}}',
    ],
    ids=range(11),
)
def test_claims_that_two_readers_could_read_differently_are_refused(claims: Any) -> None:
    broker = InMemory()
    assert broker.refuses(broker.signer.jwt(claims))
    assert broker.web.calls == []


def test_one_issuer_s_keys_do_not_speak_for_another() -> None:
    other = Signer("RS256", "k1", name="other")
    broker = InMemory(
        issuers=[issuer(), issuer(name="other", issuer="other", jwks=other.jwks())],
        rules=[rule(), rule(name="others", issuer="other", scopes=["assemblies:read"])],
    )
    assert broker.refuses(other.jwt(broker.claims()))
    assert broker.refuses(broker.jwt(iss="other"))
    # An issuer's rules are for its own callers alone.
    assert broker.refuses(other.jwt(broker.claims(iss="other")), 400, scope="assemblies:write")


def test_a_tenant_of_a_shared_issuer_is_admitted_by_its_required_claim_alone() -> None:
    broker = InMemory(issuers=[issuer(require=[condition("tid", ["one_of", ["ours"]])])])
    for tenant in (None, "", "theirs", ["ours", "theirs"][1:], "OURS", "ours ", True):
        assert broker.refuses(broker.jwt(tid=tenant))
    assert broker.post(broker.jwt(tid="ours")).status == 200
