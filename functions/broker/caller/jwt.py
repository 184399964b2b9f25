"""Takes a compact JWS apart (RFC 7515 section 7.1, RFC 7519, RFC 8725). Nothing in it is trusted yet."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from broker.base.encoding import read_base64url, read_object
from broker.base.values import Value

MAX_LENGTH = 8 * 1024  # bytes of the compact form

# A JWT that carries its own key would be verified with the sender's key (CVE-2018-0114): `jwk` is refused. `crit` and
# `b64` change how the rest must be read, and libraries that ignored `crit` accepted what they did not understand
# (CVE-2026-32597; RFC 7515 section 4.1.11, RFC 7797). The others belong to an encrypted JWT (RFC 7516 section 4.1).
# `jku`, `x5u`, `x5c` and `x5t` name keys too, but are ignored and not refused: some issuers, such as Cloud Foundry's
# UAA, always write one, and RFC 7515 section 4 lets a reader ignore what it does not use. No URL in a JWT is fetched.
_REFUSED_HEADERS = frozenset({"crit", "b64", "jwk", "enc", "zip", "epk", "apu", "apv", "p2c", "p2s"})
_REFUSED_TYPES = frozenset({"jwt", "jwe", "jose"})  # a `cty` that says that the payload is another JWT


class UnverifiedJwt(Value, frozen=True):
    """Header and claims as sent. Anybody can write them: trust nothing here before `KeySets.verify`."""

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
    """The claims of a JWT that its issuer signed. Only `keys` makes one, so unverified claims cannot pass for it."""

    hidden = ("claims",)

    claims: Mapping[str, Any]


def parse(compact: str) -> UnverifiedJwt:
    """Take a compact JWS apart.

    Raises ValueError for a text that is no compact JWS, and for a JWS that is not meant as a proof. Its message goes to
    the audit record: fixed words, which differ for each fault and never quote what was sent.
    """
    # A text of many dots or many bytes makes a parser allocate far more than was sent (GHSA-f83f-xpx7-ffpw).
    # So check length and dots first, before anything is split or decoded.
    if len(compact) > MAX_LENGTH:
        raise ValueError("too long")
    # Two dots: a JWS. Four dots would be an encrypted JWT (RFC 7516 section 3.1), for which the broker has no key.
    if compact.count(".") != 2:
        raise ValueError("not a compact JWS")
    header_part, claims_part, signature_part = compact.split(".")
    header = _read_header(header_part)
    # Two parsers may each take another one of two members with the same name, such as two `sub`.
    # `read_object` refuses duplicate members, and base64url with spare bits that would give one JWT several spellings.
    claims = read_object(read_base64url(claims_part))
    # The signature covers the text as it was sent, and not a header and claims that were written anew.
    signing_input = f"{header_part}.{claims_part}".encode()
    return UnverifiedJwt(header, claims, signing_input, read_base64url(signature_part))


# All JWTs of one key have the same header, so it is read once. The cache holds what unverified senders wrote: it is
# keyed by the whole text, bounded (64 headers of 8 KiB at most), and refused headers are not kept. Requests share its
# values, so nothing may change a header.
@lru_cache(maxsize=64)
def _read_header(header_part: str) -> Mapping[str, Any]:
    header = read_object(read_base64url(header_part))
    # `alg` only says which algorithm the sender claims. It is compared with the policy's list before it is used: a
    # reader that obeys it accepts `none`, or takes a public key for a shared secret (RFC 8725 section 2.1).
    if "alg" not in header:
        raise ValueError("no alg")
    if not isinstance(header["alg"], str):
        raise ValueError("alg is not a string")
    # `kid` has been a path, a URL or a database query in attacks. Here it is compared with the ids of known keys only.
    if not isinstance(header.get("kid", ""), str):
        raise ValueError("kid is not a string")
    if refused := _REFUSED_HEADERS & header.keys():
        raise ValueError(f"refused header parameter {min(refused)}")
    # A nested JWT is signed by one party and written by another (RFC 7519 section 5.2).
    if shorten_media_type(header.get("cty", "")) in _REFUSED_TYPES:
        raise ValueError("nested token")
    return header


def shorten_media_type(value: object) -> str:
    """A `typ` or `cty` in its short, lower-case form (RFC 7515 section 4.1.9). Raises ValueError if it is no string."""
    if not isinstance(value, str):
        raise ValueError("typ or cty is not a string")
    return value.lower().removeprefix("application/")
