"""The ceiling: a JWT library's own verify, alone. PyJWT with a ready key, and `cryptography`'s bare signature check."""

import base64
import json
import os
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_JWK = json.loads(os.environ["BENCH_JWK"])
_KEY = jwt.PyJWK.from_dict(_JWK, algorithm="RS256").key
_ISSUER, _AUDIENCE = os.environ["ISSUER_URL"], os.environ["AUDIENCE"]
_ANSWER = {"statusCode": 200}


def pyjwt(event: Any, context: Any) -> dict[str, int]:
    jwt.decode(event["token"], _KEY, algorithms=["RS256"], issuer=_ISSUER, audience=_AUDIENCE)
    return _ANSWER


def signature(event: Any, context: Any) -> dict[str, int]:
    assert isinstance(_KEY, rsa.RSAPublicKey)
    signing_input, _, mark = event["token"].rpartition(".")
    _KEY.verify(base64.urlsafe_b64decode(mark + "=="), signing_input.encode(), padding.PKCS1v15(), hashes.SHA256())
    return _ANSWER
