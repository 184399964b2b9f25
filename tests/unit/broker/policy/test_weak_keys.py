"""Public keys whose private half is known, or easily found, are no keys at all."""

import json
from collections.abc import Iterator
from itertools import count, islice
from math import prod
from pathlib import Path
from typing import Any

import pytest
from broker.base.encoding import read_base64url
from broker.policy import jwk
from broker.policy.weak_keys import check_edwards, check_published, check_rsa
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519

from tests.kit.jwts import Signer, b64
from tests.kit.policies import ISSUER

E = 65537
P25519, P448 = 2**255 - 19, 2**448 - 2**224 - 1
D25519 = -121665 * pow(121666, -1, P25519) % P25519
PUBLISHED = json.loads((Path(__file__).parent / "published_keys.json").read_text())
# Wycheproof, json_web_key_test.json, rejectsKeyWithRocaVulnerability.
ROCA = (
    "AanFpofbj7KjD4Lf-N2hVMKR7yewSyXhhbirIMTGpfYEhZ_lnt5UoK98DnKIgArXGTu3MaW_HhFw16HGaTDUHqPrId7fe4r11CqRw09yBFuW79V8sYIw"
    "HdzCaWflUI6auImYbVfoN9_nD5n8N8SY9DwXw7mwZM9wREPXoDPgOoIWl6q_MPsp7n0zs3Z5ZaiQWOOzl1S9OhwAfSiiOwz6efnXEaxuTEtPd7BjSx7N"
    "aFka8Dx9U7YqXy2RFj1O9PjyaDGuRh7YXsX3iMUSP_wSyHQg_c_qHRtKUsNSGCT7OZg0hzm2KphtjnayKJvC64vAbROBR4Ubg6Bxg9IQVZ-QYyE"
)


def edwards(curve: str, point: bytes) -> dict[str, Any]:
    return {"kty": "OKP", "crv": curve, "x": b64(point)}


def times_eight(y: int) -> bool:
    """Whether eight times a point of Ed25519 with this y is the neutral one; doubling needs no more than y."""
    for _ in range(3):
        squared = y * y % P25519
        x_squared = (squared - 1) * pow(D25519 * squared + 1, -1, P25519) % P25519
        y = (squared + x_squared) * pow(1 - D25519 * x_squared * squared, -1, P25519) % P25519
    return y == 1


SMALL_25519 = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
]


@pytest.mark.parametrize("encoding", SMALL_25519)
def test_each_point_of_small_order_of_ed25519_is_refused(encoding: str) -> None:
    point = bytes.fromhex(encoding)
    assert times_eight(int.from_bytes(point, "little") & (2**255 - 1))
    with pytest.raises(ValueError, match="small order"):
        jwk.load(edwards("Ed25519", point), ISSUER)


@pytest.mark.parametrize("y", [1, P448 - 1, 0])
@pytest.mark.parametrize("sign", [0, 1])
def test_each_point_of_small_order_of_ed448_is_refused(y: int, sign: int) -> None:
    with pytest.raises(ValueError, match="small order"):
        check_edwards("Ed448", (y | sign << 455).to_bytes(57, "little"))


@pytest.mark.parametrize("above", [0, 1, 2, 18])
@pytest.mark.parametrize("sign", [0, 1])
def test_a_point_of_ed25519_that_is_not_canonical_is_refused(above: int, sign: int) -> None:
    with pytest.raises(ValueError, match="canonical"):
        check_edwards("Ed25519", (P25519 + above | sign << 255).to_bytes(32, "little"))


@pytest.mark.parametrize("y", [P448, P448 + 1, 2**448, 2**454 + 5])
def test_a_point_of_ed448_that_is_not_canonical_is_refused(y: int) -> None:
    with pytest.raises(ValueError, match="canonical"):
        check_edwards("Ed448", y.to_bytes(57, "little"))


def test_made_edwards_keys_pass() -> None:
    for _ in range(100):
        check_edwards("Ed25519", ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw())
        check_edwards("Ed448", ed448.Ed448PrivateKey.generate().public_key().public_bytes_raw())


@pytest.mark.parametrize("curve_and_size", [("Ed25519", 32), ("Ed448", 57)])
def test_a_placeholder_of_zeros_is_refused(curve_and_size: tuple[str, int]) -> None:
    curve, size = curve_and_size
    with pytest.raises(ValueError, match="small order"):
        jwk.load(edwards(curve, bytes(size)), ISSUER)


GOOD = Signer("RS256").private.public_key().public_numbers().n


@pytest.mark.parametrize(
    ("modulus", "exponent", "words"),
    [
        (GOOD - 1, E, "even"),
        (2**2047 + 1, E, "small factor"),
        (GOOD * 3, E, "small factor"),
        (GOOD * 1021, E, "small factor"),
        (GOOD, 1, "exponent"),
        (GOOD, 65536, "exponent"),
        (GOOD, 0, "exponent"),
    ],
    ids=["even", "2^2047 + 1", "3", "1021", "exponent 1", "exponent even", "exponent 0"],
)
def test_an_rsa_key_that_is_factored_at_sight_is_refused(modulus: int, exponent: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_rsa(modulus, exponent)


def test_the_roca_key_of_wycheproof_is_refused() -> None:
    with pytest.raises(ValueError, match="ROCA"):
        jwk.load({"kty": "RSA", "n": ROCA, "e": "AQAB"}, ISSUER)


def roca_moduli() -> Iterator[int]:
    """Products of two numbers k * M + (65537 ** a mod M), M the product of the first primes, without small factors."""
    primes = [p for p in range(2, 1024) if all(p % q for q in range(2, p))]
    m = prod(p for p in primes if p <= 167)
    for number in count(2**800):
        modulus = (number * m + pow(E, number, m)) * (number * m + pow(E, 3 * number, m))
        if all(modulus % p for p in primes):
            yield modulus


def test_moduli_made_as_that_generator_makes_them_are_refused() -> None:
    for modulus in islice(roca_moduli(), 20):
        with pytest.raises(ValueError, match="ROCA"):
            check_rsa(modulus, E)


@pytest.mark.parametrize("name", ["", "a", "b", "c"])
@pytest.mark.parametrize("bits", [2048, 3072])
def test_made_rsa_keys_pass(name: str, bits: int) -> None:
    check_rsa(Signer("RS256", name=name, bits=bits).private.public_key().public_numbers().n, E)


@pytest.mark.parametrize("entry", PUBLISHED, ids=lambda entry: entry["source"])
def test_a_key_that_is_printed_with_its_private_half_is_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="private half is printed"):
        jwk.load(entry["jwk"] | {"kid": "1", "use": "sig"}, ISSUER)


def test_leading_zeros_do_not_hide_a_printed_rsa_key() -> None:
    printed = next(entry["jwk"] for entry in PUBLISHED if entry["jwk"]["kty"] == "RSA")
    with pytest.raises(ValueError, match="private half is printed"):
        jwk.load(printed | {"n": b64(bytes(3) + read_base64url(printed["n"]))}, ISSUER)


def test_the_thumbprint_is_that_of_rfc_7638() -> None:
    """Its section 3.1 prints it: NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs."""
    (printed,) = (entry["jwk"] for entry in PUBLISHED if entry["jwk"].get("n", "").startswith("0vx7agoebGcQSuu"))
    with pytest.raises(ValueError, match="private half is printed"):
        check_published(printed)


def test_made_keys_are_not_among_the_printed_ones() -> None:
    for algorithm in ("RS256", "ES256", "ES384", "ES512", "EdDSA", "Ed448"):
        jwk.load(Signer(algorithm).jwk(), ISSUER)
