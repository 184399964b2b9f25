"""Transloadit's own signer, `@transloadit/utils` 4.8.1: the sandbox accepts what it signs, and no changed byte."""

import base64
import hmac
import json
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from local.sandbox.model import AuthKey
from local.sandbox.smart_cdn import SmartCdnUrl
from tests.kit.api2 import KEY, PNG, STEPS, UPLOADS, Api2
from tests.kit.node import Node, Script
from tests.kit.official import FOLDER

# Everything that one of the two encodings treats in a way of its own, and texts beyond ASCII and beyond UTF-16's basis.
LETTERS = "aZ09 -_.~!*'()/?#&=+%:@$,;<>\"\\[]{}|^`äß漢\U0001f600\ufffd"


@pytest.fixture(scope="module")
def signer(node: Node) -> Iterator[Script]:
    with Script(node, FOLDER / "signer.mjs") as running:
        yield running


def sign_url(signer: Script, api2: Api2, **options: Any) -> str:
    """A URL of the sandbox's Smart CDN, signed by the vendor's function."""
    given = {
        "baseUrl": f"{api2.origin}/smart-cdn/{{workspace}}",
        "workspace": "sandbox",
        "template": "serve-thumb",
        "input": "users/alice/a.png",
        "authKey": KEY.key,
        "authSecret": KEY.secret,
        **options,
    }
    return str(signer.ask(name="getSignedSmartCdnUrl", given=[given])["answer"])


def store(api2: Api2) -> None:
    """Make the Template, and an Assembly that has stored a picture where it reads."""
    imported = {"robot": "/s3/import", "path": "${fields.input}"}
    api2.signed("POST", "/templates", name="serve-thumb", template={"steps": {"imported": imported}})
    steps = {"exported": {"robot": "/s3/store", "use": ":original", "path": "users/alice/a.png"}}
    api2.signed("POST", "/assemblies", files={"file": ("a.png", PNG)}, steps=steps)


def make_params(**members: Any) -> str:
    """Signed parameters as the broker builds them."""
    auth = {"key": UPLOADS.key, "expires": "2099-01-01T00:00:00.000Z", "nonce": "n-1", "max_size": 1000}
    return json.dumps({"auth": auth, "steps": STEPS, **members}, ensure_ascii=False)


def send(api2: Api2, params: str, signature: str) -> str:
    """The outcome of an Assembly with these parameters: `ok`, or the error."""
    body = api2.with_fields("POST", "/assemblies", {"params": params, "signature": signature}, files={})[1]
    return str(body.get("ok") or body["error"])


@pytest.mark.parametrize("fields", [{}, {"album": "Sommer ☀ \U0001f600"}])
def test_parameters_by_the_vendor_s_signer_make_an_assembly(signer: Script, api2: Api2, fields: dict[str, str]) -> None:
    params = make_params(fields=fields)
    signature = signer.ask(name="signParamsSync", given=[params, UPLOADS.secret])["answer"]
    assert send(api2, params, signature) == "ASSEMBLY_COMPLETED"
    other = signer.ask(name="signParamsSync", given=[params, UPLOADS.secret, "sha256"])["answer"]
    assert send(api2, params, other) == "INVALID_SIGNATURE"


def test_each_changed_byte_of_parameters_by_the_vendor_s_signer_is_refused(signer: Script, api2: Api2) -> None:
    params = make_params()
    signature = signer.ask(name="signParamsSync", given=[params, UPLOADS.secret])["answer"]
    for place in range(len(params)):
        changed = params[:place] + ("x" if params[place] != "x" else "y") + params[place + 1 :]
        assert "ok" not in send(api2, changed, signature).lower()
    for place in range(len(signature)):
        changed = signature[:place] + ("0" if signature[place] != "0" else "1") + signature[place + 1 :]
        assert send(api2, params, changed) == "INVALID_SIGNATURE"


def test_a_url_by_the_vendor_s_signer_shows_the_picture(signer: Script, api2: Api2) -> None:
    store(api2)
    for params in ({}, {"w": 200, "f": "webp"}, {"q": ["b c", "~*"], "ü": "&=+"}):
        answer = api2.raw("GET", sign_url(signer, api2, urlParams=params))
        assert (answer.status, answer.data) == (200, PNG)


def test_each_changed_byte_of_a_url_by_the_vendor_s_signer_is_refused(signer: Script, api2: Api2) -> None:
    store(api2)
    url = sign_url(signer, api2, urlParams={"w": 200})
    assert api2.raw("GET", url).status == 200
    begin = len(api2.origin) + len("/smart-cdn/")
    for place in range(begin, len(url)):
        changed = "x" if url[place] != "x" else "y"
        assert api2.raw("GET", url[:place] + changed + url[place + 1 :]).status in (400, 404)


def test_a_url_by_the_vendor_s_signer_ends_at_its_time_and_with_its_scope(signer: Script, api2: Api2) -> None:
    store(api2)
    late = sign_url(signer, api2, expiresAt=int(time.time() * 1000) - 1)
    assert api2.send("GET", late)[1]["error"] == "AUTH_EXPIRED"
    narrow = api2.signed("POST", "/auth_keys", scope="assemblies:write")[1]["auth_key"]
    url = sign_url(signer, api2, authKey=narrow["auth_key"], authSecret=narrow["auth_secret"])
    assert api2.send("GET", url)[1]["error"] == "INSUFFICIENT_AUTH_SCOPE"


def test_a_thousand_random_urls_of_the_vendor_s_signer_have_the_string_that_the_sandbox_checks(
    signer: Script, api2: Api2
) -> None:
    draw = random.Random(15)

    def text() -> str:
        return "".join(draw.choices(LETTERS, k=draw.randint(1, 12)))

    for _ in range(1000):
        params = {text(): draw.choice([text(), [text(), text()], 7, True]) for _ in range(draw.randint(0, 4))}
        url = sign_url(signer, api2, template=text(), input=text(), urlParams=params)
        path, _, query = url.removeprefix(api2.origin).partition("?")
        read = SmartCdnUrl.read(path, query)
        (signature,) = read.values("sig")
        expected = signer.ask(name="signParamsSync", given=[read.string_to_sign(), KEY.secret, "sha256"])["answer"]
        assert signature == expected, url


def sign_grant(signer: Script, key: AuthKey = KEY, **options: Any) -> str:
    """A grant by the vendor's function, for the folder users/alice of the sandbox's bucket."""
    given = {"bucket": "sandbox", "prefix": "users/alice", "scopes": ["read", "write"], **options}
    return str(signer.ask(name="signStorageGrant", given=[given, key.secret])["answer"]["grant"])


def ask_bucket(api2: Api2, grant: str, method: str = "GET", path: str = "/users/alice/a.txt", **more: Any) -> int:
    """The status of a request for the sandbox's bucket with this grant."""
    headers = {"authorization": f"Bearer {grant}"}
    return api2.raw(method, f"/buckets/sandbox{path}", headers=headers, **more).status


def test_a_grant_by_the_vendor_s_signer_opens_its_folder(signer: Script, api2: Api2) -> None:
    grant = sign_grant(signer)
    assert ask_bucket(api2, grant, "PUT", body=b"hello") == 200
    assert ask_bucket(api2, grant) == 200
    assert ask_bucket(api2, grant, path="/users/bob/a.txt") == 403
    assert ask_bucket(api2, sign_grant(signer, expiresInSeconds=0)) == 401


def test_each_changed_byte_of_a_grant_by_the_vendor_s_signer_is_refused(signer: Script, api2: Api2) -> None:
    grant = sign_grant(signer)
    ask_bucket(api2, grant, "PUT", body=b"hello")
    for place in range(len(grant)):
        changed = "x" if grant[place] != "x" else "y"
        assert ask_bucket(api2, grant[:place] + changed + grant[place + 1 :]) == 401


CLAIMS = {
    "a grant": {},
    "another version": {"v": 2},
    "a version that is true": {"v": True},
    "an empty bucket": {"bucket": ""},
    "a prefix that is no text": {"prefix": None},
    "an unknown scope": {"scopes": ["read", "delete"]},
    "a scope that is no list": {"scopes": "read"},
    "an expiry in words": {"exp": "tomorrow"},
    "no expiry": {"exp": None},
    "over": {"exp": 1},
    "another algorithm": {"alg": "HS384"},
    "no algorithm": {"alg": "none"},
}


@pytest.mark.parametrize("changes", CLAIMS.values(), ids=CLAIMS)
def test_the_sandbox_and_the_vendor_s_verifier_accept_the_same_grants(
    signer: Script, api2: Api2, changes: dict[str, Any]
) -> None:
    later = int(time.time()) + 900
    claims = {"v": 1, "bucket": "sandbox", "prefix": "", "scopes": ["read"], "iat": later - 900, "exp": later}
    head = {"alg": changes.get("alg", "HS256"), "typ": "JWT"}
    claims |= {name: value for name, value in changes.items() if name != "alg"}
    parts = [base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in (head, claims)]
    digest = hmac.digest(KEY.secret.encode(), ".".join(parts).encode(), "sha256")
    grant = ".".join([*parts, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()])
    verified = "answer" in signer.ask(name="verifyStorageGrant", given=[grant, KEY.secret])
    assert verified == (changes == {})
    assert ask_bucket(api2, grant, path="") == (200 if verified else 401)
