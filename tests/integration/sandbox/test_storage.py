"""A bucket of Storage, opened by a grant."""

import base64
import hmac
import json
from typing import Any

import pytest

from local.sandbox.model import AuthKey
from tests.kit.api2 import KEY, NARROW, NOW, OTHERS, Api2

ALICE = "/buckets/sandbox/users/alice/a.txt"


def sign_grant(key: AuthKey = KEY, **changes: Any) -> str:
    """A grant for the folder users/alice, as Transloadit's signer makes it."""
    claims = {"v": 1, "bucket": "sandbox", "prefix": "users/alice/", "scopes": ["read", "write"]}
    claims |= {"iat": int(NOW), "exp": int(NOW) + 900} | changes
    parts = [_encode(json.dumps(each).encode()) for each in ({"alg": "HS256", "typ": "JWT"}, claims)]
    return ".".join([*parts, _encode(hmac.digest(key.secret.encode(), ".".join(parts).encode(), "sha256"))])


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def ask(api2: Api2, method: str, path: str, grant: str, **more: Any) -> tuple[int, bytes]:
    answer = api2.raw(method, path, headers={"authorization": f"Bearer {grant}"}, **more)
    return answer.status, answer.data


def test_a_file_that_is_put_is_listed_and_got(api2: Api2) -> None:
    grant = sign_grant()
    assert ask(api2, "PUT", ALICE, grant, body=b"hello")[0] == 200
    assert ask(api2, "GET", ALICE, grant) == (200, b"hello")
    assert json.loads(ask(api2, "GET", "/buckets/sandbox", grant)[1]) == {"items": ["users/alice/a.txt"]}
    assert json.loads(ask(api2, "GET", "/buckets/sandbox?prefix=users/alice/b", grant)[1]) == {"items": []}
    assert api2.log()[-1]["caller"] == "grant of key-1"


OUTSIDE = {
    "another folder": ("GET", "/buckets/sandbox/users/bob/a.txt", {}),
    "a folder whose name begins so": ("GET", "/buckets/sandbox/users/alice2/a.txt", {"prefix": "users/alice"}),
    "a way up": ("GET", "/buckets/sandbox/users/alice/%2E%2E/bob/a.txt", {}),
    "a list of all": ("GET", "/buckets/sandbox?prefix=", {}),
    "another bucket": ("GET", "/buckets/others/users/alice/a.txt", {}),
    "a write without its scope": ("PUT", ALICE, {"scopes": ["read"]}),
    "a read without its scope": ("GET", ALICE, {"scopes": ["write"]}),
}


@pytest.mark.parametrize(("method", "path", "claims"), OUTSIDE.values(), ids=OUTSIDE)
def test_a_grant_opens_nothing_but_its_folder_by_its_scopes(
    api2: Api2, method: str, path: str, claims: dict[str, Any]
) -> None:
    status, body = ask(api2, method, path, sign_grant(**claims))
    assert (status, json.loads(body)["error"]) == (403, "SERVER_403")


REFUSED = {
    "no grant": ("", "BEARER_TOKEN_INVALID"),
    "no token at all": ("abc", "BEARER_TOKEN_INVALID"),
    "a key without the scope": (sign_grant(NARROW), "BEARER_TOKEN_INVALID"),
    "a key of another workspace": (sign_grant(OTHERS), "BEARER_TOKEN_INVALID"),
    "over": (sign_grant(exp=int(NOW)), "BEARER_TOKEN_EXPIRED"),
}


@pytest.mark.parametrize(("grant", "error"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_valid_grant_is_401(api2: Api2, grant: str, error: str) -> None:
    status, body = ask(api2, "GET", ALICE, grant)
    assert (status, json.loads(body)["error"]) == (401, error)


def test_a_bearer_token_is_no_grant_and_a_grant_is_no_bearer_token(api2: Api2) -> None:
    assert ask(api2, "GET", ALICE, api2.bearer())[0] == 401
    assert ask(api2, "GET", "/assemblies", sign_grant())[0] == 401


def test_a_file_that_was_not_put_is_not_found(api2: Api2) -> None:
    assert ask(api2, "GET", ALICE, sign_grant())[0] == 404
