"""Public keys and signatures (RFC 7517, RFC 7518, RFC 8037, RFC 9864), by the library `cryptography`."""

import base64
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa, utils

from broker.base.encoding import read_base64url
from broker.base.values import Value
from broker.policy import weak_keys

MAX_KEYS = 100
MIN_RSA_BITS = 2048  # NIST SP 800-131A; RFC 7518 section 3.3
# The time to verify a signature grows with both numbers, so a huge key would keep the function busy. The exponent is
# 65537 nearly always, which has 17 bits.
MAX_RSA_BITS = 8192
MAX_EXPONENT_BITS = 64

_PRIVATE_MEMBERS = frozenset({"d", "k", "p", "q"})
_HASHES: dict[str, hashes.HashAlgorithm] = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_CURVES: dict[str, tuple[ec.EllipticCurve, str]] = {
    "P-256": (ec.SECP256R1(), "ES256"),
    "P-384": (ec.SECP384R1(), "ES384"),
    "P-521": (ec.SECP521R1(), "ES512"),
}
_RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_EDWARDS: dict[str, Callable[[bytes], Any]] = {
    "Ed25519": ed25519.Ed25519PublicKey.from_public_bytes,
    "Ed448": ed448.Ed448PublicKey.from_public_bytes,
}
# RFC 9864 gives `EdDSA` of RFC 8037 a name for each curve: one algorithm with two names. A key with either as its `alg`
# verifies both, or an issuer could not move from one to the other. The policy says which of them a JWT may name.
_EDWARDS_ALGORITHMS = frozenset({"EdDSA", *_EDWARDS})
ALGORITHMS = _RSA_ALGORITHMS | {algorithm for _, algorithm in _CURVES.values()} | _EDWARDS_ALGORITHMS


class Jwk(Value, frozen=True):
    """A usable public key: its id, and the algorithms that it may verify."""

    key_id: str | None
    algorithms: frozenset[str]
    _public: Any

    def verify(self, algorithm: str, signature: bytes, signing_input: bytes) -> bool:
        """Whether this key made `signature` with `algorithm`, which must be one of `algorithms`."""
        try:
            self._public.verify(*_prepare(self._public, algorithm, signature, signing_input))
        except InvalidSignature:
            return False
        return True


def _prepare(public: Any, algorithm: str, signature: bytes, data: bytes) -> tuple[Any, ...]:
    """The arguments with which `cryptography` verifies a signature. Raises InvalidSignature for a malformed one."""
    if algorithm in _EDWARDS_ALGORITHMS:
        return signature, data
    digest = _HASHES[algorithm[2:]]
    if algorithm.startswith("RS"):
        return signature, data, padding.PKCS1v15(), digest
    if algorithm.startswith("PS"):
        # RFC 7518 section 3.5: the salt is as long as the digest. Any other length is refused.
        return signature, data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest
    return _encode_der(signature, public.curve.key_size), data, ec.ECDSA(digest)


def _encode_der(signature: bytes, bits: int) -> bytes:
    """An ECDSA signature of JWS, which is r and s at full length (RFC 7518 section 3.4), in DER."""
    # Shorter and longer forms of the same r and s would give one JWT several spellings. That neither is zero, which let
    # anybody sign in Java (CVE-2022-21449), is checked by OpenSSL.
    size = (bits + 7) // 8
    if len(signature) != 2 * size:
        raise InvalidSignature
    return utils.encode_dss_signature(int.from_bytes(signature[:size]), int.from_bytes(signature[size:]))


def load(jwk: object, issuer: str) -> Jwk:
    """The key in one member of an issuer's JWKS. Raises ValueError, in fixed words, for a key that cannot be used.

    The words quote no part of the key, since somebody may have put a private one there.
    """
    if not isinstance(jwk, dict):
        raise ValueError("it is no JSON object")
    _check_use(jwk)
    _check_issuer(jwk.get("issuer"), issuer)
    kind, key_id = jwk.get("kty"), jwk.get("kid")
    if not isinstance(kind, str) or kind not in _LOADERS:
        raise ValueError("its kty is not RSA, EC or OKP")
    if not isinstance(key_id, str | None):
        raise ValueError("its kid is no text")
    public, algorithms = _LOADERS[kind](jwk)
    return Jwk(key_id, _narrow(algorithms, jwk.get("alg")), public)


def load_set(document: object, issuer: str) -> tuple[Jwk, ...]:
    """The usable keys of an issuer's JWKS. Raises ValueError if the document is no JWKS."""
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise ValueError("not a JWKS")
    if len(keys) > MAX_KEYS:
        raise ValueError("too many keys")
    # One malformed key made a whole set unusable, and locked everybody out (CVE-2026-102274). Skip such keys.
    usable = []
    for key in keys:
        with suppress(ValueError):
            usable.append(load(key, issuer))
    return tuple(usable)


def _check_use(jwk: Mapping[str, Any]) -> None:
    """Refuse keys that are not for signatures (RFC 7517 sections 4.2 and 4.3), and keys that everybody can read."""
    # Everybody can fetch the set. A private or shared key in it is known to all, and all could sign with it.
    if not _PRIVATE_MEMBERS.isdisjoint(jwk):
        raise ValueError("it is a private or shared key; show only public members, and of a new key: this one is known")
    # A key for encryption may be held by others than the issuer's signer, and must not sign for it.
    if jwk.get("use", "sig") != "sig":
        raise ValueError("its use is not sig")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise ValueError("its key_ops do not hold verify")


def _check_issuer(named: object, issuer: str) -> None:
    """Refuse a key that names another issuer than this one. `{tenantid}` in it stands for the tenant."""
    # Microsoft Entra's sets hold keys of several issuers, each with its `issuer`. Without this check the key of one
    # tenant's issuer could sign for another's. The tenant is the first segment of the issuer's path. Microsoft's own
    # library does the same in AadTokenValidationParametersExtension, and says that keys of version 1.0 name no issuer:
    # https://github.com/AzureAD/azure-activedirectory-identitymodel-extensions-for-dotnet
    if not isinstance(named, str):
        return
    if "{tenantid}" in named:
        named = named.replace("{tenantid}", urlsplit(issuer).path.lstrip("/").partition("/")[0])
    if named != issuer:
        raise ValueError("it is the key of another issuer")


def _narrow(algorithms: frozenset[str], named: object) -> frozenset[str]:
    """The algorithms of a key's type, or only the one that the key names in its `alg` (RFC 7517 section 4.4)."""
    # A key that verifies every algorithm of its type also verifies the weakest (CVE-2026-48523; RFC 8725 section 3.1).
    if named is None:
        return algorithms
    if not isinstance(named, str) or named not in algorithms:
        raise ValueError("its alg does not fit its kty and crv")
    return algorithms if named in _EDWARDS_ALGORITHMS else frozenset({named})


def _read_bytes(jwk: Mapping[str, Any], name: str) -> bytes:
    value = jwk.get(name)
    if not isinstance(value, str):
        raise ValueError(f"its {name} is missing")
    try:
        return read_base64url(value)
    except ValueError:
        raise ValueError(f"its {name} is not base64url without padding") from None


def _load_rsa(jwk: Mapping[str, Any]) -> tuple[Any, frozenset[str]]:
    modulus, exponent = (int.from_bytes(_read_bytes(jwk, name)) for name in ("n", "e"))
    if modulus.bit_length() < MIN_RSA_BITS:
        raise ValueError(f"its modulus has less than {MIN_RSA_BITS} bits")
    if modulus.bit_length() > MAX_RSA_BITS or exponent.bit_length() > MAX_EXPONENT_BITS:
        limits = f"{MAX_RSA_BITS} bits, or its exponent more than {MAX_EXPONENT_BITS}"
        raise ValueError(f"its modulus has more than {limits}")
    weak_keys.check_rsa(modulus, exponent)
    # Written anew: a leading zero would give a printed key another thumbprint.
    weak_keys.check_published({"kty": "RSA", "n": _write_base64url(modulus), "e": _write_base64url(exponent)})
    return rsa.RSAPublicNumbers(exponent, modulus).public_key(), _RSA_ALGORITHMS


def _write_base64url(number: int) -> str:
    data = number.to_bytes((number.bit_length() + 7) // 8)
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _load_elliptic(jwk: Mapping[str, Any]) -> tuple[Any, frozenset[str]]:
    curve, algorithm = _choose_curve(jwk, _CURVES)
    size = (curve.key_size + 7) // 8
    x, y = _read_bytes(jwk, "x"), _read_bytes(jwk, "y")
    if len(x) != size or len(y) != size:
        raise ValueError("its x or y has another length than its curve")
    # Not every pair of numbers is a point of the curve. `public_key` raises for the others.
    try:
        public = ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), curve).public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("its x and y are no point of its curve") from None
    weak_keys.check_published({name: jwk[name] for name in ("kty", "crv", "x", "y")})
    return public, frozenset({algorithm})


def _load_edwards(jwk: Mapping[str, Any]) -> tuple[Any, frozenset[str]]:
    read = _choose_curve(jwk, _EDWARDS)
    x = _read_bytes(jwk, "x")
    try:
        public = read(x)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("its x has another length than its curve") from None
    weak_keys.check_edwards(jwk["crv"], x)
    weak_keys.check_published({name: jwk[name] for name in ("kty", "crv", "x")})
    return public, frozenset({"EdDSA", jwk["crv"]})


def _choose_curve[T](jwk: Mapping[str, Any], curves: Mapping[str, T]) -> T:
    name = jwk.get("crv")
    if not isinstance(name, str) or name not in curves:
        raise ValueError(f"its crv is not one of {', '.join(curves)}")
    return curves[name]


_LOADERS = {"RSA": _load_rsa, "EC": _load_elliptic, "OKP": _load_edwards}
