"""The api2 sandbox over HTTP: each documented answer, and each fault."""

import hmac
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3

from local.sandbox.app import create_app
from local.sandbox.clock import Clock
from local.sandbox.model import AuthKey
from tests.kit.servers import serving

NOW = 1_800_000_000.0
KEY = AuthKey("key-1", "secret-1", ("assemblies:read", "assemblies:write", "templates:read"))
READER = AuthKey("key-2", "secret-2", ("read",))
PINNED = AuthKey("key-3", "secret-3", ("assemblies:read",), signature_algo="sha256")
GRANT = {"grant_type": "client_credentials"}
FORM = "application/x-www-form-urlencoded"


class Api2:
    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._web = urllib3.PoolManager(retries=False, timeout=10)

    def send(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        answer = self.raw(method, path, **options)
        return answer.status, json.loads(answer.data)

    def raw(self, method: str, path: str, **options: Any) -> urllib3.BaseHTTPResponse:
        return self._web.request(method, self._origin + path, redirect=False, **options)

    def token(self, key: str | None = "key-1:secret-1", body: str | None = None, **fields: str) -> tuple[int, Any]:
        headers = urllib3.make_headers(basic_auth=key) if key else {}
        form = urlencode({**GRANT, **fields}) if body is None else body
        return self.send("POST", "/token", headers={**headers, "content-type": FORM}, body=form)

    def control(self, what: str, **body: Any) -> Any:
        return self.send("POST", f"/_sandbox/{what}", json=body)

    def assemblies(self, token: str | None = None, **query: str) -> tuple[int, Any]:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return self.send("GET", f"/assemblies?{urlencode(query)}", headers=headers)

    def signed(self, key: AuthKey = KEY, algorithm: str = "sha384", **changes: Any) -> tuple[int, Any]:
        auth = {"key": key.key, "expires": "2030-01-01T00:00:00.000Z", **changes}
        params = json.dumps({"auth": {name: value for name, value in auth.items() if value is not None}})
        digest = hmac.digest(key.secret.encode(), params.encode(), algorithm.removeprefix("bare-")).hex()
        signature = digest if algorithm.startswith("bare-") else f"{algorithm}:{digest}"
        return self.assemblies(params=params, signature=signature)


@pytest.fixture
def api2() -> Iterator[Api2]:
    with serving(lambda: create_app([KEY, READER, PINNED], Clock(lambda: NOW))) as origin:
        yield Api2(origin)


def test_a_token_has_the_documented_members_and_the_scopes_asked_in_their_order(api2: Api2) -> None:
    status, body = api2.token(scope="templates:read, assemblies:read templates:read")
    assert status == 200
    assert {name: body[name] for name in body if name != "access_token"} == {
        "token_type": "Bearer",
        "expires_in": 21600,
        "scope": "templates:read assemblies:read",
    }
    assert len(body["access_token"]) >= 32


def test_without_a_scope_the_token_has_all_of_the_key(api2: Api2) -> None:
    assert api2.token()[1]["scope"] == "assemblies:read assemblies:write templates:read"


@pytest.mark.parametrize(
    ("request_", "status", "error"),
    [
        ({"key": None}, 401, "SERVER_401"),
        ({"key": "nobody:x"}, 400, "GET_ACCOUNT_UNKNOWN_AUTH_KEY"),
        ({"key": "key-1:wrong"}, 401, "TOKEN_INVALID_CREDENTIALS"),
        ({"grant_type": "password"}, 400, "TOKEN_INVALID_GRANT_TYPE"),
        ({"body": "scope=a"}, 400, "TOKEN_INVALID_GRANT_TYPE"),
        ({"body": "grant_type=client_credentials&aud=api2&aud=mcp"}, 400, "TOKEN_INVALID_REQUEST"),
        ({"body": "grant_type=client_credentials&scope=%ff"}, 400, "TOKEN_INVALID_REQUEST"),
        ({"aud": "elsewhere"}, 403, "TOKEN_INVALID_AUDIENCE"),
        ({"scope": "billing:read"}, 403, "TOKEN_INVALID_SCOPE"),
        ({"scope": "Assemblies:read"}, 403, "TOKEN_INVALID_SCOPE"),
    ],
)
def test_a_refused_token_request_has_its_code_and_status(
    api2: Api2, request_: dict[str, Any], status: int, error: str
) -> None:
    got, body = api2.token(**request_)
    assert (got, body["error"], body["http_code"]) == (status, error, status)


def test_no_basic_is_challenged(api2: Api2) -> None:
    answer = api2.raw("POST", "/token", body="")
    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Basic realm="Transloadit"')


def test_another_content_type_is_a_malformed_request(api2: Api2) -> None:
    headers = urllib3.make_headers(basic_auth="key-1:secret-1")
    status, body = api2.send("POST", "/token", headers=headers, json=GRANT)
    assert (status, body["error"]) == (400, "TOKEN_INVALID_REQUEST")


def test_a_bearer_opens_what_its_scope_guards_until_it_expires(api2: Api2) -> None:
    token = api2.token(scope="assemblies:read")[1]["access_token"]
    assert api2.assemblies(token) == (200, {"count": 0, "items": []})
    api2.control("clock", advance=21_599)
    assert api2.assemblies(token)[0] == 200
    api2.control("clock", advance=1)
    assert api2.assemblies(token) == (
        401,
        {"error": "BEARER_TOKEN_EXPIRED", "http_code": 401, "message": "The bearer token has expired"},
    )


def test_a_coarse_scope_covers_all_reads(api2: Api2) -> None:
    assert api2.assemblies(api2.token("key-2:secret-2")[1]["access_token"])[0] == 200


@pytest.mark.parametrize(
    ("params", "status", "error"),
    [
        ('{"auth": {"key": "key-2"}}', 403, "BEARER_TOKEN_AUTH_KEY_MISMATCH"),
        ('{"auth": {"key": "key-1"}}', 200, None),
        ("{}", 200, None),
    ],
)
def test_a_key_beside_a_bearer_must_be_its_own(api2: Api2, params: str, status: int, error: str | None) -> None:
    token = api2.token()[1]["access_token"]
    got, body = api2.assemblies(token, params=params, signature="sha384:wrong")
    assert (got, body.get("error")) == (status, error)


def test_an_unknown_bearer_and_one_without_the_scope_are_refused(api2: Api2) -> None:
    assert api2.assemblies("unknown")[1]["error"] == "BEARER_TOKEN_INVALID"
    narrow = api2.token(scope="templates:read")[1]["access_token"]
    status, body = api2.assemblies(narrow)
    assert (status, body["error"]) == (403, "INSUFFICIENT_AUTH_SCOPE")


@pytest.mark.parametrize("algorithm", ["sha384", "sha256", "sha1", "bare-sha1"])
def test_a_signature_opens_without_a_bearer(api2: Api2, algorithm: str) -> None:
    assert api2.signed(algorithm=algorithm)[0] == 200


def test_both_spellings_of_expires_are_read(api2: Api2) -> None:
    assert api2.signed(expires="2030/01/01 00:00:00+00:00")[0] == 200


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({}, "NO_PARAMS_FIELD"),
        ({"params": "{"}, "INVALID_PARAMS_FIELD"),
        ({"params": "[]"}, "NO_OBJECT_PARAMS_FIELD"),
        ({"params": "{}"}, "NO_AUTH_PARAMETER"),
        ({"params": '{"auth": 1}'}, "NO_OBJECT_AUTH_PARAMETER"),
        ({"params": '{"auth": {"expires": "x"}}'}, "NO_AUTH_KEY_PARAMETER"),
        ({"params": '{"auth": {"key": 1}}'}, "INVALID_AUTH_KEY_PARAMETER"),
        ({"params": '{"auth": {"key": "nobody"}}'}, "GET_ACCOUNT_UNKNOWN_AUTH_KEY"),
        ({"params": '{"auth": {"key": "key-1"}}'}, "NO_AUTH_EXPIRES_PARAMETER"),
        ({"params": '{"auth": {"key": "key-1", "expires": "x"}}'}, "INVALID_AUTH_EXPIRES_PARAMETER"),
        ({"params": '{"auth": {"key": "key-1", "expires": "2020-01-01T00:00:00Z"}}'}, "AUTH_EXPIRED"),
        ({"params": '{"auth": {"key": "key-1", "expires": "2030-01-01T00:00:00Z"}}'}, "NO_SIGNATURE_FIELD"),
        (
            {"params": '{"auth": {"key": "key-1", "expires": "2030-01-01T00:00:00Z"}}', "signature": "sha384:00"},
            "INVALID_SIGNATURE",
        ),
    ],
)
def test_a_naive_client_meets_the_signature_s_errors_in_their_order(
    api2: Api2, query: dict[str, str], error: str
) -> None:
    status, body = api2.assemblies(**query)
    assert (status, body["error"]) == (400, error)


def test_a_pinned_key_takes_no_other_algorithm(api2: Api2) -> None:
    assert api2.signed(PINNED, "sha256")[0] == 200
    assert api2.signed(PINNED, "sha384")[1]["error"] == "INVALID_SIGNATURE"


def test_unknown_paths_are_not_found(api2: Api2) -> None:
    status, body = api2.send("GET", "/elsewhere")
    assert (status, body["error"]) == (404, "SERVER_404")


def test_cors_is_open_everywhere_but_on_token(api2: Api2) -> None:
    preflight = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    assert api2.raw("OPTIONS", "/assemblies", headers=preflight).headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Origin" not in api2.raw("OPTIONS", "/token", headers=preflight).headers


@pytest.mark.parametrize(
    ("fault", "status", "data"),
    [
        ({"status": 503}, 503, b""),
        ({"status": 429, "body": {"error": "RATE_LIMIT_REACHED"}}, 429, b'{"error": "RATE_LIMIT_REACHED"}'),
        ({"body": "<html>", "content_type": "text/html"}, 200, b"<html>"),
        ({"redirect": "http://127.0.0.1:9/"}, 302, b""),
    ],
)
def test_a_fault_is_met_as_often_as_asked_then_no_more(
    api2: Api2, fault: dict[str, Any], status: int, data: bytes
) -> None:
    api2.control("faults", path="/assemblies", times=2, **fault)
    for _ in range(2):
        answer = api2.raw("GET", "/assemblies")
        assert (answer.status, answer.data) == (status, data)
    assert api2.raw("GET", "/assemblies").status == 400


def test_a_reset_closes_the_connection(api2: Api2) -> None:
    api2.control("faults", path="/token", reset=True)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        api2.token()
    assert api2.token()[0] == 200


def test_a_delay_comes_before_the_real_answer(api2: Api2) -> None:
    api2.control("faults", path="/token", delay_ms=300)
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        api2.raw("POST", "/token", timeout=0.1)


def test_calls_are_counted_since_the_reset(api2: Api2) -> None:
    api2.token()
    api2.token()
    api2.assemblies()
    assert api2.send("GET", "/_sandbox/calls")[1] == {"POST /token": 2, "GET /assemblies": 1}
    api2.control("faults", path="/token", status=503)
    api2.control("reset")
    assert api2.send("GET", "/_sandbox/calls")[1] == {}
    assert api2.token()[0] == 200


@pytest.mark.parametrize(
    "fault", [{}, {"path": "/token"}, {"path": "/token", "status": 503, "tims": 2}, {"path": "/token", "times": 0}]
)
def test_a_malformed_fault_is_refused_with_what_to_write(api2: Api2, fault: dict[str, Any]) -> None:
    status, body = api2.control("faults", **fault)
    assert status == 400
    assert body["message"]


def test_neither_secret_nor_token_shows_in_a_repr() -> None:
    assert "secret-1" not in repr(KEY)
