"""Public keys, and signatures by every algorithm."""

from typing import Any

import joserfc.jwk
import joserfc.jwt
import pytest
from broker.caller import jwt
from broker.policy import jwk
from broker.policy.jwk import Jwk
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, utils

from tests.kit.jwts import ALGORITHMS, Signer, b64
from tests.kit.policies import ISSUER

DATA = b"signing input"


def loaded(signer: Signer, **changes: Any) -> Jwk:
    return jwk.load(signer.jwk(**changes), ISSUER)


@pytest.mark.parametrize(
    ("algorithm", "named"),
    [*((name, name) for name in ALGORITHMS), ("EdDSA", "Ed25519"), ("Ed448", "EdDSA"), ("Ed448", "Ed448")],
)
def test_a_signature_is_verified_and_a_changed_one_is_not(algorithm: str, named: str) -> None:
    signer = Signer(algorithm)
    key = loaded(signer)
    signature = signer.sign(DATA)
    assert named in key.algorithms
    assert key.verify(named, signature, DATA)
    assert not key.verify(named, signature, DATA + b"!")
    assert not key.verify(named, bytes([signature[0] ^ 1]) + signature[1:], DATA)
    assert not key.verify(named, b"", DATA)
    assert not key.verify(named, signature + b"\0", DATA)


@pytest.mark.parametrize("algorithm", ["RS256", "PS384", "ES256", "ES512"])
def test_tokens_of_another_library_are_verified(algorithm: str) -> None:
    kinds: dict[str, Any] = {
        "RS": lambda: joserfc.jwk.RSAKey.generate_key(2048),
        "PS": lambda: joserfc.jwk.RSAKey.generate_key(2048),
        "ES": lambda: joserfc.jwk.ECKey.generate_key({"ES256": "P-256", "ES512": "P-521"}.get(algorithm, "")),
    }
    theirs = kinds[algorithm[:2]]()
    compact = joserfc.jwt.encode({"alg": algorithm}, {"sub": "alice"}, theirs, algorithms=[algorithm])
    token = jwt.parse(compact)
    key = jwk.load(theirs.as_dict(private=False), ISSUER)
    assert key.verify(algorithm, token.signature, token.signing_input)


@pytest.mark.parametrize(
    ("signer", "algorithms"),
    [
        (Signer("RS256"), {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
        (Signer("ES256"), {"ES256"}),
        (Signer("ES384"), {"ES384"}),
        (Signer("ES512"), {"ES512"}),
        (Signer("EdDSA"), {"EdDSA", "Ed25519"}),
        (Signer("Ed448"), {"EdDSA", "Ed448"}),
    ],
)
def test_a_key_fits_the_algorithms_of_its_type_and_curve_alone(signer: Signer, algorithms: set[str]) -> None:
    assert loaded(signer).algorithms == algorithms


def test_a_key_that_names_its_algorithm_fits_no_other() -> None:
    assert loaded(Signer("RS256"), alg="RS256").algorithms == {"RS256"}
    wrong: list[Any] = ["ES256", 7, ["RS256"], {}, ""]
    for named in wrong:
        with pytest.raises(ValueError, match="alg does not fit"):
            loaded(Signer("RS256"), alg=named)


@pytest.mark.parametrize(("algorithm", "curve"), [("EdDSA", "Ed25519"), ("Ed448", "Ed448")])
def test_the_two_names_of_an_edwards_algorithm_are_one_algorithm(algorithm: str, curve: str) -> None:
    """RFC 9864: issuers go from one name to the other, in key and JWT at different times."""
    for named in (None, "EdDSA", curve):
        assert loaded(Signer(algorithm), alg=named).algorithms == {"EdDSA", curve}
    with pytest.raises(ValueError, match="alg does not fit"):
        loaded(Signer(algorithm), alg={"Ed25519": "Ed448", "Ed448": "Ed25519"}[curve])


RSA, EC, OKP = Signer("RS256"), Signer("ES256"), Signer("EdDSA")

BROKEN: dict[str, tuple[Any, str]] = {
    "no object": ("key", "no JSON object"),
    "no kty": (RSA.jwk(kty=None), "kty"),
    "symmetric": ({"kty": "oct", "k": "c2VjcmV0"}, "private or shared"),
    "unknown kty": (RSA.jwk(kty="AKP"), "kty"),
    "kty as a list": (RSA.jwk(kty=["RSA"]), "kty"),
    "for encryption": (RSA.jwk(use="enc"), "use"),
    "cannot verify": (RSA.jwk(key_ops=["encrypt"]), "key_ops"),
    "key_ops no list": (RSA.jwk(key_ops="verify"), "key_ops"),
    "private": (RSA.jwk(d="AAAA"), "private or shared"),
    "private by a factor": (RSA.jwk(p="AAAA"), "private or shared"),
    "RSA of 1024 bits": (Signer("RS256", bits=1024).jwk(), "less than 2048 bits"),
    "RSA of 16384 bits": (RSA.jwk(n=b64(b"\xff" * 2048)), "more than 8192 bits"),
    "no modulus": (RSA.jwk(n=None), "n is missing"),
    "padded modulus": (RSA.jwk(n=RSA.jwk()["n"] + "=="), "n is not base64url"),
    "even modulus": (RSA.jwk(n=b64(b"\xfe" * 256)), "modulus is even"),
    "even exponent": (RSA.jwk(e=b64(b"\x02")), "exponent is even or 1"),
    "huge exponent": (RSA.jwk(e=b64(b"\xff" * 300)), "exponent more than 64"),
    "exponent 1": (RSA.jwk(e=b64(b"\x01")), "exponent is even or 1"),
    "unknown curve": (EC.jwk(crv="secp256k1"), "crv is not one of P-256, P-384, P-521"),
    "curve as a list": (EC.jwk(crv=["P-256"]), "crv"),
    "point off the curve": (EC.jwk(y=b64(b"\x01" * 32)), "no point of its curve"),
    "short coordinate": (EC.jwk(x=b64(b"\x01" * 31)), "length"),
    "long coordinate": (EC.jwk(x=b64(b"\0" + b"\x01" * 32)), "length"),
    "curve of another": (EC.jwk(crv="P-384"), "length"),
    "short OKP": (OKP.jwk(x=b64(b"\x01" * 31)), "length"),
    "small order": (OKP.jwk(x=b64(bytes(32))), "small order"),
    "X25519": (OKP.jwk(crv="X25519"), "crv is not one of Ed25519, Ed448"),
    "kid no text": (RSA.jwk(kid=7), "kid"),
    "numbers for text": (RSA.jwk(n=7), "n is missing"),
    "another issuer's": (RSA.jwk(issuer="https://other.example/"), "another issuer"),
}


@pytest.mark.parametrize(("key", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_a_key_that_cannot_be_used_says_why_is_skipped_and_spoils_no_other(key: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        jwk.load(key, ISSUER)
    assert [entry.key_id for entry in jwk.load_set({"keys": [key, OKP.jwk()]}, ISSUER)] == ["k1"]


TENANT = "11111111-2222-3333-4444-555555555555"
CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
ENTRA = f"https://login.microsoftonline.com/{TENANT}/v2.0"


@pytest.mark.parametrize(
    ("named", "fits"),
    [
        (None, True),
        (ENTRA, True),
        ("https://login.microsoftonline.com/{tenantid}/v2.0", True),
        (7, True),
        (f"https://login.microsoftonline.com/{CONSUMERS}/v2.0", False),
        ("https://login.partner.microsoftonline.cn/{tenantid}/v2.0", False),
        (f"{ENTRA}/", False),
        ("", False),
        ("{tenantid}", False),
    ],
)
def test_a_key_that_names_an_issuer_is_that_issuer_s_alone(named: Any, *, fits: bool) -> None:
    """Keys of Entra's consumers stand in the sets of its tenants."""
    assert len(jwk.load_set(RSA.jwks(issuer=named), ENTRA)) == fits


@pytest.mark.parametrize("document", [{}, {"keys": {}}, [], "x", None, {"keys": None}])
def test_a_document_that_is_no_jwks_is_a_value_error(document: Any) -> None:
    with pytest.raises(ValueError, match="not a JWKS"):
        jwk.load_set(document, ISSUER)


def test_a_hundred_keys_are_read_and_one_more_is_too_many() -> None:
    assert len(jwk.load_set({"keys": [OKP.jwk()] * 100}, ISSUER)) == 100
    with pytest.raises(ValueError, match="too many"):
        jwk.load_set({"keys": [OKP.jwk()] * 101}, ISSUER)


ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.mark.parametrize(
    ("r", "s"), [(0, 0), (0, 1), (1, 0), (ORDER, 1), (1, ORDER), (2**256 - 1, 2**256 - 1), (ORDER, ORDER)]
)
def test_edge_values_of_an_ecdsa_signature_are_refused(r: int, s: int) -> None:
    assert not loaded(EC).verify("ES256", r.to_bytes(32) + s.to_bytes(32), DATA)


def test_an_ecdsa_signature_in_der_is_refused() -> None:
    signature = EC.sign(DATA)
    der = utils.encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
    assert not loaded(EC).verify("ES256", der, DATA)


def test_every_ecdsa_length_but_its_own_is_refused() -> None:
    signature = EC.sign(DATA)
    for length in range(200):
        if length != 64:
            assert not loaded(EC).verify("ES256", (signature * 4)[:length], DATA)


def test_an_eddsa_signature_with_the_order_added_is_refused() -> None:
    """S + L is the classic malleability of Ed25519 (RFC 8032 section 5.1.7)."""
    signature = OKP.sign(DATA)
    order = 2**252 + 27742317777372353535851937790883648493
    forged = signature[:32] + (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    assert not loaded(OKP).verify("EdDSA", forged, DATA)


def test_a_pss_signature_with_another_salt_length_is_refused() -> None:
    short = padding.PSS(padding.MGF1(hashes.SHA256()), 20)
    signature = RSA.private.sign(DATA, short, hashes.SHA256())
    assert not loaded(RSA).verify("PS256", signature, DATA)
