"""`token-broker jwt`: a caller JWT of the local issuer."""

import argparse
import base64
import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from token_broker.people import claims_of
from token_broker.stack_file import STACK_FILE, STACK_HELP, NoStack, read_stack

KEY_FILE = "issuer-key.pem"  # beside stack.json, mode 600


def register(parts: Any) -> None:
    parser = parts.add_parser("jwt", help="print a caller JWT of the local issuer")
    add_options(parser)
    parser.set_defaults(run=_run)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--subject", default="alice", help="its `sub`; alice, the default, is one of the editors")
    parser.add_argument(
        "--claim",
        action="append",
        default=[],
        metavar="NAME=JSON",
        help="e.g. groups='[\"admins\"]' or tier='\"paid\"'",
    )
    parser.add_argument("--audience", help="its `aud`; default: the local stack's")
    parser.add_argument("--expires", type=int, default=300, metavar="SECONDS", help="from now; default: 300")
    parser.add_argument("--stack", type=Path, default=STACK_FILE, metavar="FILE", help=STACK_HELP)


def _run(arguments: argparse.Namespace) -> int:
    try:
        sys.stdout.write(caller_jwt(arguments) + "\n")
    except (NoStack, OSError, ValueError) as error:
        sys.stderr.write(f"token-broker: {error}\n")
        return 2
    return 0


def caller_jwt(arguments: argparse.Namespace) -> str:
    """Sign a JWT of the local issuer by these options. Raises NoStack, OSError, ValueError."""
    stack = read_stack(arguments.stack)
    now = int(time.time())
    claims = {
        "iss": stack["issuer_url"],
        "sub": arguments.subject,
        "aud": arguments.audience or stack["audience"],
        "iat": now,
        "exp": now + arguments.expires,
        **claims_of(arguments.subject),
        **dict(map(_read_claim, arguments.claim)),
    }
    return sign(claims, load_key(arguments.stack.parent / KEY_FILE))


def _read_claim(option: str) -> tuple[str, Any]:
    """Read `name=value`. The value is JSON, since `groups=editors` could mean a text or a list."""
    name, equals, text = option.partition("=")
    if not name or not equals:
        raise ValueError(f"--claim {option}: write NAME=JSON")
    try:
        return name, json.loads(text)
    except ValueError:
        written = json.dumps(text, ensure_ascii=False)
        advice = f"write {name}='{written}' for a text, {name}='[{written}]' for a list"
        raise ValueError(f"--claim {option}: the value is not JSON; {advice}") from None


def load_key(file: Path) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(file.read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def public_jwk(key: rsa.RSAPrivateKey) -> dict[str, str]:
    """The public key as a JWK. Its `kid` is the thumbprint of RFC 7638."""
    numbers = key.public_key().public_numbers()
    members = {"e": _integer(numbers.e), "kty": "RSA", "n": _integer(numbers.n)}
    thumbprint = hashlib.sha256(json.dumps(members, sort_keys=True, separators=(",", ":")).encode()).digest()
    return {**members, "kid": _base64url(thumbprint), "use": "sig", "alg": "RS256"}


def sign(claims: dict[str, Any], key: rsa.RSAPrivateKey) -> str:
    """Sign the claims as a compact JWS with RS256."""
    header = {"alg": "RS256", "kid": public_jwk(key)["kid"], "typ": "JWT"}
    signing_input = ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
    signature = key.sign(signing_input.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signing_input}.{_base64url(signature)}"


def _integer(number: int) -> str:
    return _base64url(number.to_bytes((number.bit_length() + 7) // 8))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
