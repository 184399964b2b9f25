"""Public keys and signatures (RFC 7517, RFC 7518, RFC 8037), on `cryptography`."""

from collections.abc import Callable, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa, utils

from broker.jwt import base64url
from broker.values import Value

MAX_KEYS = 100
MIN_RSA_BITS = 2048  # NIST SP 800-131A; RFC 7518 section 3.3
MAX_RSA_BITS = 8192  # a larger modulus costs more time than it brings safety

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

ALGORITHMS = _RSA_ALGORITHMS | {algorithm for _, algorithm in _CURVES.values()} | {"EdDSA"}


class Jwk(Value, frozen=True):
    """A usable public key: its id, the algorithms that it may verify, and how."""

    key_id: str | None
    algorithms: frozenset[str]
    _public: Any

    def verify(self, algorithm: str, signature: bytes, signing_input: bytes) -> bool:
        """Whether `signature` is this key's by `algorithm`, which must be one of `algorithms`."""
        try:
            _verify(self._public, algorithm, signature, signing_input)
        except InvalidSignature:
            return False
        return True


def _verify(public: Any, algorithm: str, signature: bytes, data: bytes) -> None:
    if algorithm == "EdDSA":
        public.verify(signature, data)
        return
    digest = _HASHES[algorithm[2:]]
    if algorithm.startswith("RS"):
        public.verify(signature, data, padding.PKCS1v15(), digest)
    elif algorithm.startswith("PS"):
        # RFC 7518 section 3.5: the salt is as long as the digest, no other length is taken.
        public.verify(signature, data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    else:
        public.verify(_der(signature, public.curve.key_size), data, ec.ECDSA(digest))


def _der(signature: bytes, bits: int) -> bytes:
    """DER of an ECDSA signature in JWS form, r and s at full length (RFC 7518 section 3.4)."""
    size = (bits + 7) // 8
    if len(signature) != 2 * size:
        raise InvalidSignature
    return utils.encode_dss_signature(int.from_bytes(signature[:size]), int.from_bytes(signature[size:]))


def load(jwk: object) -> Jwk | None:
    """The key in one member of a JWKS, or None when it is not a public key that this broker can use."""
    if not isinstance(jwk, dict) or not _is_for_signatures(jwk):
        return None
    try:
        public, algorithms = _LOADERS[jwk["kty"]](jwk)
    except (KeyError, TypeError, ValueError, UnsupportedAlgorithm):
        return None
    named = jwk.get("alg")
    if named is not None:
        algorithms = algorithms & {named} if isinstance(named, str) else frozenset()
    key_id = jwk.get("kid")
    if not algorithms or not isinstance(key_id, str | None):
        return None
    return Jwk(key_id, algorithms, public)


def load_set(document: object) -> tuple[Jwk, ...]:
    """The usable keys of a JWKS; one malformed key does not spoil the others. Raises ValueError for what is no JWKS."""
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise ValueError("not a JWKS")
    if len(keys) > MAX_KEYS:
        raise ValueError("too many keys")
    return tuple(key for key in map(load, keys) if key is not None)


def _is_for_signatures(jwk: Mapping[str, Any]) -> bool:
    """`use` and `key_ops` of RFC 7517 sections 4.2 and 4.3; a private or symmetric key in a public set is not used."""
    operations = jwk.get("key_ops", ["verify"])
    return jwk.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations and "d" not in jwk


def _integer(jwk: Mapping[str, Any], name: str) -> int:
    return int.from_bytes(base64url(jwk[name]))


def _rsa(jwk: Mapping[str, Any]) -> tuple[Any, frozenset[str]]:
    modulus, exponent = _integer(jwk, "n"), _integer(jwk, "e")
    if not MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS or exponent.bit_length() > 64:
        raise ValueError("RSA size")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key(), _RSA_ALGORITHMS


def _elliptic(jwk: Mapping[str, Any]) -> tuple[Any, frozenset[str]]:
    curve, algorithm = _CURVES[jwk["crv"]]
    size = (curve.key_size + 7) // 8
    x, y = base64url(jwk["x"]), base64url(jwk["y"])
    if len(x) != size or len(y) != size:
        raise ValueError("coordinate length")
    public = ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), curve).public_key()
    return public, frozenset({algorithm})


def _edwards(jwk: Mapping[str, Any]) -> tuple[Any, frozenset[str]]:
    return _EDWARDS[jwk["crv"]](base64url(jwk["x"])), frozenset({"EdDSA"})


_LOADERS: dict[str, Callable[[Mapping[str, Any]], tuple[Any, frozenset[str]]]] = {
    "RSA": _rsa,
    "EC": _elliptic,
    "OKP": _edwards,
}
