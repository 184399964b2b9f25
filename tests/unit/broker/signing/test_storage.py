"""Storage grants. That they are the vendor's byte for byte, tests/conformance/signing shows."""

import json

from broker.base.encoding import read_base64url
from broker.signing.decision import StorageGrant
from broker.signing.storage import write_grant


def test_a_grant_is_a_jwt_of_hs256_with_the_claims_in_the_vendor_s_order() -> None:
    signed: list[str] = []

    def sign(text: str) -> bytes:
        signed.append(text)
        return b"\xff" * 32

    grant = write_grant(StorageGrant("acme", "users/alice/", ("read",), 900), 1_800_000_000, sign)
    header, claims, signature = grant.split(".")
    assert signed == [f"{header}.{claims}"]
    assert read_base64url(header) == b'{"alg":"HS256","typ":"JWT"}'
    assert list(json.loads(read_base64url(claims)).items()) == [
        ("v", 1),
        ("bucket", "acme"),
        ("prefix", "users/alice/"),
        ("scopes", ["read"]),
        ("iat", 1_800_000_000),
        ("exp", 1_800_000_900),
    ]
    assert read_base64url(signature) == b"\xff" * 32
