"""Headers of JWTs that bring their own key, name a place to fetch one, or change how the JWT is read."""

from typing import Any

import pytest

from tests.kit.brokers import DISCOVERY_URL, JWKS_URL, InMemory
from tests.kit.jwts import Signer, b64, part
from tests.kit.policies import issuer

FORGER = Signer("RS256", name="forger")


def signed(broker: InMemory, header: Any) -> str:
    """A JWT with exactly this header, null and all, truly signed by the issuer."""
    signing_input = f"{part(header)}.{part(broker.claims())}"
    return f"{signing_input}.{b64(broker.signer.sign(signing_input.encode()))}"


@pytest.mark.parametrize("header", [{"jwk": FORGER.jwk()}, {"jwk": FORGER.jwk(), "kid": None}], ids=len)
@pytest.mark.parametrize("signer", [FORGER, Signer()], ids=["forged", "the issuer's own"])
def test_a_jwt_with_a_key_inside_is_refused(header: dict[str, Any], signer: Signer) -> None:
    """CVE-2018-0114 of node-jose: the embedded key was believed."""
    broker = InMemory()
    assert broker.refuses(signer.jwt(broker.claims(), **header))
    assert broker.web.calls == []


@pytest.mark.parametrize(
    "header",
    [
        {"jku": "https://evil.example/keys"},
        {"jku": JWKS_URL},
        {"x5u": "https://evil.example/chain"},
        {"x5c": ["MIIB"]},
        {"x5t": "AAAA"},
        {"x5t#S256": "AAAA"},
    ],
    ids=str,
)
def test_a_place_or_a_certificate_of_a_key_inside_the_jwt_is_never_read(header: dict[str, Any]) -> None:
    """Entra ID sends `x5t` with every token, Cloud Foundry's UAA `jku`; none of them is needed."""
    broker = InMemory()
    assert broker.post(broker.signer.jwt(broker.claims(), **header)).status == 200
    assert broker.refuses(FORGER.jwt(broker.claims(), **header))
    assert broker.refuses(FORGER.jwt(broker.claims(), kid=None, **header))
    assert broker.web.count(DISCOVERY_URL) == broker.web.count(JWKS_URL) == 1
    assert not any("evil" in call.url for call in broker.web.calls)


@pytest.mark.parametrize("crit", [["exp"], ["b64"], [], "exp", None, ["https://x.example/ext"]], ids=str)
def test_a_jwt_with_critical_extensions_is_refused(crit: Any) -> None:
    """PyJWT CVE-2026-32597: `crit` was ignored (RFC 7515 section 4.1.11)."""
    broker = InMemory()
    assert broker.refuses(signed(broker, {"alg": "RS256", "kid": "k1", "crit": crit, "exp": 1}))


@pytest.mark.parametrize("value", [False, True, 0, "false"])
def test_a_jwt_with_an_unencoded_payload_is_refused(value: Any) -> None:
    """RFC 7797 section 7: `b64` needs `crit`, and neither is for JWTs."""
    broker = InMemory()
    assert broker.refuses(broker.signer.jwt(broker.claims(), b64=value))


@pytest.mark.parametrize(
    "header",
    [{"enc": "A256GCM"}, {"zip": "DEF"}, {"cty": "JWT"}, {"cty": "jwt"}, {"epk": {}}],
    ids=lambda header: "+".join(header),
)
def test_a_nested_encrypted_or_compressed_jwt_is_refused(header: dict[str, Any]) -> None:
    broker = InMemory()
    assert broker.refuses(broker.signer.jwt(broker.claims(), **header))


def test_a_jwe_of_five_parts_is_refused() -> None:
    assert InMemory().refuses("eyJhbGciOiJkaXIifQ..aaaa.bbbb.cccc")


@pytest.mark.parametrize(
    "typ",
    [
        "logout+jwt",
        "secevent+jwt",
        "dpop+jwt",
        "JOSE",
        "client-authentication+jwt",
        "id_token",
        "",
        None,
        5,
        ["JWT"],
        "application/logout+jwt",
        "jwt ",
        "application/application/jwt",
    ],
)
def test_a_jwt_of_another_purpose_is_refused(typ: Any) -> None:
    """RFC 8725 section 3.11."""
    broker = InMemory()
    header = {"alg": "RS256", "kid": "k1", "typ": typ}
    assert broker.refuses(signed(broker, header))


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "Application/JWT"])
def test_a_jwt_of_either_accepted_type_passes_in_any_spelling(typ: str) -> None:
    broker = InMemory()
    assert broker.post(broker.signer.jwt(broker.claims(), typ=typ)).status == 200


@pytest.mark.parametrize("claim", ["cnf", "events"])
@pytest.mark.parametrize("value", [{}, None, {"jkt": "x"}, "", False], ids=str)
def test_a_jwt_bound_to_a_key_and_a_logout_token_are_refused(claim: str, value: Any) -> None:
    broker = InMemory()
    claims = broker.claims() | {claim: value}
    assert broker.refuses(broker.signer.jwt(claims))


@pytest.mark.parametrize(
    "kid",
    [
        "../../etc/passwd",
        "k1\0",
        "k1 ",
        "K1",
        "' OR 1=1 --",
        "http://evil.example/key",
        "x" * 4000,
        "",
        1,
        True,
        ["k1"],
        {},
    ],
    ids=lambda kid: repr(kid)[:20],
)
def test_a_key_id_is_compared_and_nothing_else(kid: Any) -> None:
    broker = InMemory()
    assert broker.refuses(broker.signer.jwt(broker.claims(), kid=kid))
    assert {call.url for call in broker.web.calls} <= {DISCOVERY_URL, JWKS_URL}


@pytest.mark.parametrize(
    "header",
    [
        '{"alg":"none","alg":"RS256","kid":"k1"}',
        '{"alg":"RS256","kid":"k1","kid":"k2"}',
        '{"alg":"RS256","kid":"k1","x":NaN}',
        '["alg","RS256"]',
        '"RS256"',
        "null",
        "",
        "{",
        '\ufeff{"alg":"RS256","kid":"k1"}',
    ],
)
def test_a_header_that_two_readers_could_read_differently_is_refused(header: str) -> None:
    broker = InMemory()
    assert broker.refuses(signed(broker, header))


def test_an_entry_that_names_types_demands_one() -> None:
    broker = InMemory(issuers=[issuer(typ=["at+jwt"])])
    assert broker.refuses(broker.signer.jwt(broker.claims(), typ=None))
    assert broker.refuses(broker.signer.jwt(broker.claims()))
    assert broker.post(broker.signer.jwt(broker.claims(), typ="at+jwt")).status == 200
