"""Forged signatures and confusion of algorithms. None may pass, and none may cause a call upstream."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.kit.brokers import JWKS_URL, InMemory
from tests.kit.jwts import ALGORITHMS, HASHES, Signer, b64, part
from tests.kit.policies import issuer
from tests.kit.web import reply

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def broker_for(*algorithms: str, **jwk: Any) -> InMemory:
    """A broker whose issuer signs by the first algorithm and is trusted for all of them."""
    broker = InMemory(issuers=[issuer(algorithms=list(algorithms))])
    broker.signer = Signer(algorithms[0])
    broker.web[JWKS_URL] = reply(broker.signer.jwks(**jwk))
    return broker


def unsigned(broker: InMemory, header: dict[str, Any]) -> str:
    return f"{part(header)}.{part(broker.claims())}"


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None, "HS256", "RS1", "rs256", " RS256", "dir", 0])
@pytest.mark.parametrize("signature", ["", "AA", b64(b"\0" * 256)])
def test_an_algorithm_other_than_the_configured_ones_is_refused(alg: Any, signature: str) -> None:
    broker = InMemory()
    assert broker.refuses(f"{unsigned(broker, {'alg': alg, 'kid': 'k1'})}.{signature}")


@pytest.mark.parametrize("form", ["PEM", "DER", "n", "jwk"])
@pytest.mark.parametrize("alg", ["HS256", "HS512"])
def test_the_public_key_is_no_shared_secret(form: str, alg: str) -> None:
    """RFC 8725 section 2.1; the key confusion of many JWT libraries."""
    broker = InMemory()
    public = broker.signer.private.public_key()
    encoding = serialization.Encoding.PEM if form == "PEM" else serialization.Encoding.DER
    secret = {
        "n": broker.signer.jwk()["n"].encode(),
        "jwk": json.dumps(broker.signer.jwk()).encode(),
    }.get(form) or public.public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    signing_input = unsigned(broker, {"alg": alg, "kid": "k1", "typ": "JWT"})
    digest = hashlib.sha256 if alg == "HS256" else hashlib.sha512
    signature = b64(hmac.new(secret, signing_input.encode(), digest).digest())
    assert broker.refuses(f"{signing_input}.{signature}")


@pytest.mark.parametrize("allowed", ALGORITHMS)
def test_an_algorithm_that_the_issuer_s_entry_does_not_name_is_refused(allowed: str) -> None:
    """PyJWT CVE-2026-48523: the allow-list was passed by."""
    other = next(name for name in ALGORITHMS if name != allowed)
    broker = broker_for(allowed)
    stranger = Signer(other)
    broker.web[JWKS_URL] = reply({"keys": [stranger.jwk()]})
    assert broker.refuses(stranger.jwt(broker.claims()))


@pytest.mark.parametrize(("signs", "key_says"), [("RS256", "PS256"), ("PS256", "RS256"), ("RS256", "RS512")])
def test_a_key_is_used_for_its_own_algorithm_alone(signs: str, key_says: str) -> None:
    broker = broker_for(signs, key_says, alg=key_says)
    assert broker.refuses(broker.jwt())


@pytest.mark.parametrize(
    "changes",
    [{"use": "enc"}, {"key_ops": ["sign"]}, {"key_ops": ["encrypt", "wrapKey"]}, {"kty": "oct"}, {"crv": "P-384"}],
    ids=str,
)
def test_a_key_for_something_else_verifies_nothing(changes: dict[str, Any]) -> None:
    broker = broker_for("ES256", **changes)
    # The set has no usable key, so the issuer counts as out of reach.
    assert broker.refuses(broker.jwt(), 503)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_signature_by_another_key_with_the_same_id_is_refused(algorithm: str) -> None:
    broker = broker_for(algorithm)
    assert broker.refuses(Signer(algorithm, name="forger").jwt(broker.claims()))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("place", [0, 1])
def test_a_jwt_with_a_changed_header_or_payload_is_refused(algorithm: str, place: int) -> None:
    broker = broker_for(algorithm)
    parts = broker.jwt().split(".")
    changed = json.loads(base64.urlsafe_b64decode(parts[place] + "=="))
    parts[place] = part(changed | {"more": 1})
    assert broker.refuses(".".join(parts))


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
@pytest.mark.parametrize(
    ("r", "s"), [(0, 0), (0, 1), (1, 0), (P256_ORDER, P256_ORDER), (P256_ORDER, 1), (1, P256_ORDER + 1)]
)
def test_an_ecdsa_signature_of_magic_numbers_is_refused(algorithm: str, r: int, s: int) -> None:
    """CVE-2022-21449 of Java: r = s = 0 verified anything."""
    broker = broker_for(algorithm)
    size = {"ES256": 32, "ES384": 48, "ES512": 66}[algorithm]
    signing_input = broker.jwt().rpartition(".")[0]
    assert broker.refuses(f"{signing_input}.{b64(r.to_bytes(size) + s.to_bytes(size))}")


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
def test_an_ecdsa_signature_has_one_form(algorithm: str) -> None:
    """RFC 7518 section 3.4: two integers of fixed length, neither DER nor padded."""
    broker = broker_for(algorithm)
    signing_input, _, signature = broker.jwt().rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    half = len(raw) // 2
    der = broker.signer.private.sign(signing_input.encode(), ec.ECDSA(HASHES[algorithm[2:]]))
    r, s = raw[:half], raw[half:]
    for other in (der, raw + b"\0", b"\0" + raw, raw[:-1], r + b"\0" + s, b"\0" + r + b"\0" + s):
        assert broker.refuses(f"{signing_input}.{b64(other)}")
    assert broker.post(f"{signing_input}.{signature}").status == 200


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_a_jwt_has_one_spelling(algorithm: str) -> None:
    """Other spellings of the same bytes would be other strings to a program that counts or blocks JWTs."""
    broker = broker_for(algorithm)
    good = broker.jwt()
    head, payload, signature = good.split(".")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    dangling = signature[:-1] + last[last.index(signature[-1]) ^ 1]
    spellings = [
        f"{head}.{payload}.{signature}=",
        f"{head}.{payload}.{signature}==",
        f"{head}.{payload}.{dangling}",
        f"{head}.{payload}.{signature}.",
        f".{head}.{payload}.{signature}",
        f"{head}..{payload}.{signature}",
        f"{head}.{payload}",
        f"{head}.{payload}.",
    ]
    for spelling in spellings:
        assert broker.refuses(spelling)
    # No token68 of RFC 6750, so the header itself is malformed.
    assert broker.refuses(f"{head}=.{payload}.{signature}", 400)
    assert broker.post(good).status == 200


def test_an_rsa_key_below_2048_bits_verifies_nothing() -> None:
    broker = InMemory()
    broker.signer = Signer("RS256", bits=1024)
    broker.web[JWKS_URL] = reply(broker.signer.jwks())
    assert broker.refuses(broker.jwt(), 503)


def test_an_rsa_key_with_a_small_exponent_verifies_nothing() -> None:
    broker = InMemory()
    broker.web[JWKS_URL] = reply(broker.signer.jwks(e="AQ"))
    assert broker.refuses(broker.jwt(), 503)
