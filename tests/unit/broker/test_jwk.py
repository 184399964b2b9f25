"""Public keys, and signatures by every algorithm."""

from typing import Any

import joserfc.jwk
import joserfc.jwt
import pytest
from broker import jwk, jwt
from broker.jwk import Jwk
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, utils

from tests.kit.jwts import ALGORITHMS, Signer, b64

DATA = b"signing input"


def loaded(signer: Signer, **changes: Any) -> Jwk:
    key = jwk.load(signer.jwk(**changes))
    assert key is not None
    return key


@pytest.mark.parametrize("algorithm", [*ALGORITHMS, "Ed448"])
def test_a_signature_is_verified_and_a_changed_one_is_not(algorithm: str) -> None:
    signer = Signer(algorithm)
    key = loaded(signer)
    named = "EdDSA" if algorithm == "Ed448" else algorithm
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
    key = jwk.load(theirs.as_dict(private=False))
    assert key is not None
    assert key.verify(algorithm, token.signature, token.signing_input)


@pytest.mark.parametrize(
    ("signer", "algorithms"),
    [
        (Signer("RS256"), {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
        (Signer("ES256"), {"ES256"}),
        (Signer("ES384"), {"ES384"}),
        (Signer("ES512"), {"ES512"}),
        (Signer("EdDSA"), {"EdDSA"}),
    ],
)
def test_a_key_fits_the_algorithms_of_its_type_and_curve_alone(signer: Signer, algorithms: set[str]) -> None:
    assert loaded(signer).algorithms == algorithms


def test_a_key_that_names_its_algorithm_fits_no_other() -> None:
    assert loaded(Signer("RS256"), alg="RS256").algorithms == {"RS256"}
    assert jwk.load(Signer("RS256").jwk(alg="ES256")) is None
    assert jwk.load(Signer("RS256").jwk(alg=7)) is None


RSA, EC, OKP = Signer("RS256"), Signer("ES256"), Signer("EdDSA")

BROKEN: dict[str, Any] = {
    "no object": "key",
    "no kty": RSA.jwk(kty=None),
    "symmetric": {"kty": "oct", "k": "c2VjcmV0"},
    "unknown kty": RSA.jwk(kty="AKP"),
    "kty as a list": RSA.jwk(kty=["RSA"]),
    "for encryption": RSA.jwk(use="enc"),
    "cannot verify": RSA.jwk(key_ops=["encrypt"]),
    "key_ops no list": RSA.jwk(key_ops="verify"),
    "private": RSA.jwk(d="AAAA"),
    "RSA of 1024 bits": Signer("RS256", bits=1024).jwk(),
    "RSA of 16384 bits": RSA.jwk(n=b64(b"\xff" * 2048)),
    "no modulus": RSA.jwk(n=None),
    "padded modulus": RSA.jwk(n=RSA.jwk()["n"] + "=="),
    "even exponent": RSA.jwk(e=b64(b"\x02")),
    "huge exponent": RSA.jwk(e=b64(b"\xff" * 300)),
    "exponent 1": RSA.jwk(e=b64(b"\x01")),
    "unknown curve": EC.jwk(crv="secp256k1"),
    "point off the curve": EC.jwk(y=b64(b"\x01" * 32)),
    "short coordinate": EC.jwk(x=b64(b"\x01" * 31)),
    "long coordinate": EC.jwk(x=b64(b"\0" + b"\x01" * 32)),
    "curve of another": EC.jwk(crv="P-384"),
    "short OKP": OKP.jwk(x=b64(b"\x01" * 31)),
    "X25519": OKP.jwk(crv="X25519"),
    "kid no text": RSA.jwk(kid=7),
    "numbers for text": RSA.jwk(n=7),
}


@pytest.mark.parametrize("key", BROKEN.values(), ids=BROKEN.keys())
def test_a_key_that_cannot_be_used_is_skipped_and_spoils_no_other(key: Any) -> None:
    assert jwk.load(key) is None
    assert [entry.key_id for entry in jwk.load_set({"keys": [key, OKP.jwk()]})] == ["k1"]


@pytest.mark.parametrize("document", [{}, {"keys": {}}, [], "x", None, {"keys": None}])
def test_what_is_no_jwks_is_a_value_error(document: Any) -> None:
    with pytest.raises(ValueError, match="not a JWKS"):
        jwk.load_set(document)


def test_a_hundred_keys_are_read_and_one_more_is_too_many() -> None:
    assert len(jwk.load_set({"keys": [OKP.jwk()] * 100})) == 100
    with pytest.raises(ValueError, match="too many"):
        jwk.load_set({"keys": [OKP.jwk()] * 101})


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
