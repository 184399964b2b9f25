"""An identity by a private key: what is signed, and what is told when it cannot be."""

import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from token_broker_client import TokenError, private_key
from token_broker_client.proof import Request

from tests.kit.clock import Clock

ORIGIN = "https://tokens.example.com"
KEYS: dict[str, Any] = {
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def write(key: Any, folder: Path) -> Path:
    file = folder / "key.pem"
    options = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, *options))
    return file


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_client_assertion_is_signed_for_the_broker_alone_by_the_key_s_own_algorithm(
    algorithm: str, tmp_path: Path, clock: Clock
) -> None:
    identity = private_key(write(KEYS[algorithm], tmp_path), "nightly-batch", key_id="k1", clock=clock)
    first, second = (identity.prove(Request(ORIGIN, {})).fields["client_assertion"] for _ in range(2))
    assert jwt.get_unverified_header(first) == {"alg": algorithm, "kid": "k1", "typ": "JWT"}
    options: Any = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(first, KEYS[algorithm].public_key(), [algorithm], options, audience=ORIGIN)
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("nightly-batch", "nightly-batch", ORIGIN)
    assert (claims["iat"], claims["exp"]) == (clock.now, clock.now + 120)
    other = jwt.decode(second, options={"verify_signature": False})
    assert claims["jti"] != other["jti"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file"),
        (b"c2VjcmV0 not a key", "is no private key in PEM"),
        (
            ec.generate_private_key(ec.SECP384R1()).private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
            "is neither RSA nor P-256 nor Ed25519",
        ),
    ],
)
def test_a_key_that_cannot_sign_is_named_and_not_shown(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "key.pem"
    if content:
        file.write_bytes(content)
    with pytest.raises(TokenError, match=message) as raised:
        private_key(file, "nightly-batch")()
    assert str(file) in str(raised.value)
    assert "c2VjcmV0" not in json.dumps(raised.value.args)
