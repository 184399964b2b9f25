"""A compact JWS taken apart, nothing of it trusted yet (RFC 7515 section 7.1, RFC 7519, RFC 8725)."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from broker.base.encoding import read_base64url, read_object
from broker.base.values import Value

MAX_LENGTH = 8 * 1024  # bytes of the compact form

# What changes how the rest is read (RFC 7515 section 4.1.11, RFC 7516 section 4.1, RFC 7797), or is a key that the
# sender chose. `jku`, `x5u`, `x5c`, `x5t` are never read: some issuers, such as Cloud Foundry's UAA, always write one,
# and parameters that are not understood are ignored (RFC 7515 section 4).
_REFUSED_HEADERS = frozenset({"crit", "b64", "jwk", "enc", "zip", "epk", "apu", "apv", "p2c", "p2s"})
_REFUSED_TYPES = frozenset({"jwt", "jwe", "jose"})  # a `cty` that says the payload is another token


class UnverifiedJwt(Value, frozen=True):
    """Header and claims as sent; to be believed only once `signature` over `signing_input` has been verified."""

    hidden = ("claims", "signing_input", "signature")

    header: Mapping[str, Any]
    claims: dict[str, Any]
    signing_input: bytes
    signature: bytes

    @property
    def algorithm(self) -> str:
        return str(self.header["alg"])

    @property
    def key_id(self) -> str | None:
        return self.header.get("kid")


class VerifiedJwt(Value, frozen=True):
    """The claims of a JWT whose signature is its issuer's. `keys` makes it, and nothing else does."""

    hidden = ("claims",)

    claims: Mapping[str, Any]


def parse(compact: str) -> UnverifiedJwt:
    """Take a compact JWS apart.

    Raises ValueError for all that is not one, or not meant as a proof, in fixed words that tell one fault from another
    and never hold anything of what was sent.
    """
    # Length and dots come before any decoding: GHSA-f83f-xpx7-ffpw was a token of many dots.
    if len(compact) > MAX_LENGTH:
        raise ValueError("too long")
    if compact.count(".") != 2:
        raise ValueError("not a compact JWS")
    head, body, mark = compact.split(".")
    header = _header(head)
    claims = read_object(read_base64url(body))
    return UnverifiedJwt(header, claims, f"{head}.{body}".encode(), read_base64url(mark))


@lru_cache(maxsize=64)  # all of a key's tokens have the same
def _header(head: str) -> Mapping[str, Any]:
    header = read_object(read_base64url(head))
    if "alg" not in header:
        raise ValueError("no alg")
    if not isinstance(header["alg"], str):
        raise ValueError("alg is not a string")
    if not isinstance(header.get("kid", ""), str):
        raise ValueError("kid is not a string")
    if refused := _REFUSED_HEADERS & header.keys():
        raise ValueError(f"refused header parameter {min(refused)}")
    if shorten_media_type(header.get("cty", "")) in _REFUSED_TYPES:
        raise ValueError("nested token")
    return header


def shorten_media_type(value: object) -> str:
    """A `typ` or `cty` in its short, lower-case form (RFC 7515 section 4.1.9). Raises ValueError if it is no string."""
    if not isinstance(value, str):
        raise ValueError("typ or cty is not a string")
    return value.lower().removeprefix("application/")
