"""Keys that sign caller JWTs, good ones and bad ones."""

import base64
import json
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa, utils

HASHES: dict[str, hashes.HashAlgorithm] = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
CURVES: dict[str, ec.EllipticCurve] = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def part(value: Any) -> str:
    """One part of a JWT: a value as JSON, or bytes and text as they are."""
    if isinstance(value, bytes):
        return b64(value)
    return b64((value if isinstance(value, str) else json.dumps(value)).encode())


@cache
def private_key(kind: str, name: str, bits: int = 2048) -> Any:
    """A private key, the same for the same arguments, since making RSA keys is slow."""
    if kind in ("RS", "PS"):
        return rsa.generate_private_key(public_exponent=65537, key_size=bits)
    if kind == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "Ed448":
        return ed448.Ed448PrivateKey.generate()
    return ec.generate_private_key(CURVES[kind])


class Signer:
    """One key pair of an issuer."""

    def __init__(
        self, algorithm: str = "RS256", key_id: str | None = "k1", *, name: str = "", bits: int = 2048, key: Any = None
    ) -> None:
        """A private key of this name, made on first use, or `key`."""
        self.algorithm = algorithm
        self.key_id = key_id
        kind = algorithm[:2] if algorithm[:2] in ("RS", "PS") else algorithm
        self.private = key or private_key(kind, name, bits)

    def jwk(self, **changes: Any) -> dict[str, Any]:
        """The public key as a member of a JWKS; a change to None removes a member."""
        members = {"kid": self.key_id, "use": "sig", **_members(self.private.public_key()), **changes}
        return {name: value for name, value in members.items() if value is not None}

    def jwks(self, **changes: Any) -> dict[str, Any]:
        return {"keys": [self.jwk(**changes)]}

    def jwt(self, claims: Any, **header: Any) -> str:
        """A signed compact JWT; a header parameter of None is left out. `claims` may be raw bytes or text."""
        members = {"alg": self.algorithm, "kid": self.key_id, "typ": "JWT", **header}
        head = part({name: value for name, value in members.items() if value is not None})
        signing_input = f"{head}.{part(claims)}"
        return f"{signing_input}.{b64(self.sign(signing_input.encode()))}"

    def sign(self, data: bytes) -> bytes:
        if self.algorithm in ("EdDSA", "Ed448"):
            return bytes(self.private.sign(data))
        digest = HASHES[self.algorithm[2:]]
        if self.algorithm.startswith("RS"):
            return bytes(self.private.sign(data, padding.PKCS1v15(), digest))
        if self.algorithm.startswith("PS"):
            return bytes(self.private.sign(data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest))
        r, s = utils.decode_dss_signature(self.private.sign(data, ec.ECDSA(digest)))
        size = (CURVES[self.algorithm].key_size + 7) // 8
        return r.to_bytes(size) + s.to_bytes(size)


def _members(public: Any) -> dict[str, Any]:
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        return {"kty": "RSA", "n": _integer(numbers.n), "e": _integer(numbers.e)}
    if isinstance(public, ec.EllipticCurvePublicKey):
        size = (public.key_size + 7) // 8
        point = public.public_numbers()
        curve = {256: "P-256", 384: "P-384", 521: "P-521"}[public.key_size]
        return {"kty": "EC", "crv": curve, "x": b64(point.x.to_bytes(size)), "y": b64(point.y.to_bytes(size))}
    curve = "Ed25519" if isinstance(public, ed25519.Ed25519PublicKey) else "Ed448"
    return {"kty": "OKP", "crv": curve, "x": b64(public.public_bytes_raw())}


def _integer(number: int) -> str:
    return b64(number.to_bytes((number.bit_length() + 7) // 8))
