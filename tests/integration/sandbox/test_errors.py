"""Every error code with its status, over HTTP: by a request that causes it, or by a fault that orders it.

The codes are api2's: https://transloadit.com/docs/api/response-codes/ and the contract of Transloadit's clients.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
import urllib3

from local.sandbox.app import create_app
from local.sandbox.clock import Clock
from local.sandbox.errors import STATUSES
from local.sandbox.model import Limit, Settings
from tests.integration.sandbox.conftest import Start
from tests.kit.api2 import GRANT, KEY, NARROW, OTHERS, STEPS, Answer, Api2
from tests.kit.servers import Loop, serving

Request = Callable[[Api2], Answer]
PROXY_LIMIT = "429 Too Many Requests"
# As the contract of Transloadit's clients and the documentation have them, not as the sandbox does; then the inferred.
DOCUMENTED = {
    200: "BILL_NOT_FOUND",
    400: """
        GET_ACCOUNT_UNKNOWN_AUTH_KEY TOKEN_INVALID_GRANT_TYPE TOKEN_INVALID_REQUEST
        NO_PARAMS_FIELD INVALID_PARAMS_FIELD NO_OBJECT_PARAMS_FIELD NO_AUTH_PARAMETER NO_OBJECT_AUTH_PARAMETER
        NO_AUTH_KEY_PARAMETER INVALID_AUTH_KEY_PARAMETER NO_AUTH_EXPIRES_PARAMETER INVALID_AUTH_EXPIRES_PARAMETER
        AUTH_EXPIRED NO_SIGNATURE_FIELD INVALID_SIGNATURE SIGNATURE_REUSE_DETECTED REFERER_MISMATCH
        TEMPLATE_NOT_FOUND TEMPLATE_VALIDATION_ERROR TEMPLATE_LIST_ERROR ASSEMBLY_LIST_ERROR
        TEMPLATE_CREDENTIALS_NOT_CREATED TEMPLATE_CREDENTIALS_NOT_READ TEMPLATE_CREDENTIALS_NOT_UPDATED
        TEMPLATE_CREDENTIALS_NOT_DELETED TEMPLATE_CREDENTIALS_NOT_FOUND AUTH_KEYS_NOT_FOUND AUTH_KEY_SCOPES_NOT_FOUND
        AUTH_KEY_NOT_CREATED AUTH_KEY_NOT_UPDATED AUTH_KEY_NOT_DELETED AUTH_SECRET_NOT_RETRIEVED
        ASSEMBLY_STATS_INVALID_TIME ASSEMBLY_STATS_MISSING_REGION PRIORITY_JOB_SLOT_STATS_INVALID_AGGREGATION
        PRIORITY_JOB_SLOT_STATS_INVALID_TIME PRIORITY_JOB_SLOT_STATS_MISSING_REGION
    """,
    401: "SERVER_401 TOKEN_INVALID_CREDENTIALS BEARER_TOKEN_EXPIRED",
    403: "TOKEN_INVALID_SCOPE TOKEN_INVALID_AUDIENCE INSUFFICIENT_AUTH_SCOPE BEARER_TOKEN_AUTH_KEY_MISMATCH SERVER_403",
    404: "SERVER_404 DAM_RESOURCE_NOT_FOUND",
    409: "DAM_MUTATION_CONFLICT",
    429: "RATE_LIMIT_REACHED ASSEMBLY_STATUS_FETCHING_RATE_LIMIT_REACHED",
    500: "SERVER_500 ASSEMBLY_STATS_ERROR PRIORITY_JOB_SLOT_STATS_ERROR",
    503: "ASSEMBLY_CANCEL_UNAVAILABLE",
}
INFERRED = {
    400: """
        INVALID_AUTH_REFERER_PARAMETER INVALID_AUTH_MAX_SIZE_PARAMETER INVALID_AUTH_MAX_NUMBER_OF_FILES_PARAMETER
        INVALID_FORM_DATA MAX_SIZE_EXCEEDED MAX_NUMBER_OF_FILES_EXCEEDED REQUEST_PREMATURE_CLOSED
        ASSEMBLY_NO_STEPS ASSEMBLY_EMPTY_STEPS ASSEMBLY_INVALID_STEPS ASSEMBLY_STEP_NO_ROBOT ASSEMBLY_STEP_UNKNOWN_ROBOT
        ASSEMBLY_INVALID_NOTIFY_URL ASSEMBLY_INVALID_NUM_EXPECTED_UPLOAD_FILES_PARAM DO_NOT_REUSE_ASSEMBLY_IDS
        ASSEMBLY_ACCOUNT_MISMATCH ASSEMBLY_CANNOT_BE_REPLAYED ASSEMBLY_COULD_NOT_BE_CREATED ASSEMBLY_NOT_FINISHED
        ASSEMBLY_NO_NOTIFY_URL ASSEMBLY_STATUS_NOT_FOUND NO_TEMPLATE_ID TEMPLATE_INVALID_JSON
        TEMPLATE_DENIES_STEPS_OVERRIDE PLAN_LIMIT_EXCEEDED BILL_LIMIT_EXCEEDED VERIFIED_EMAIL_REQUIRED
        ADMIN_PERMISSIONS_REQUIRED PRIORITY_JOB_SLOTS_NOT_FOUND
    """,
    401: "BEARER_TOKEN_INVALID",
    404: "ASSEMBLY_NOT_FOUND",
    500: "GET_ACCOUNT_DB_ERROR",
}
EXPECTED = {PROXY_LIMIT: 429} | {
    code: status for table in (INFERRED, DOCUMENTED) for status, codes in table.items() for code in codes.split()
}
ID = "0123456789abcdef0123456789abcdef"
BASIC = urllib3.make_headers(basic_auth=f"{KEY.key}:{KEY.secret}")
AUTH: dict[str, Any] = {"key": "key-1", "expires": "2030-01-01T00:00:00Z"}


def query(**fields: str) -> Request:
    """A read with these fields."""
    return lambda api2: api2.with_fields("GET", "/assemblies", fields)


def params(value: Any, **fields: str) -> Request:
    return query(params=json.dumps(value), **fields)


def auth(value: Any, **fields: str) -> Request:
    return params({"auth": value}, **fields)


def signed(method: str, path: str, **options: Any) -> Request:
    return lambda api2: api2.signed(method, path, **options)


def create(**options: Any) -> Request:
    return signed("POST", "/assemblies", **({"steps": STEPS} | options))


def token(*key: Any, **fields: str) -> Request:
    return lambda api2: api2.token(*key, **fields)


def bearer(method: str, path: str, scope: str = "assemblies:read", **options: Any) -> Request:
    return lambda api2: api2.by(api2.bearer(scope), method, path, **options)


def with_bearer(api2: Api2, text: str) -> Answer:
    headers = {"authorization": f"Bearer {api2.bearer()}"}
    return api2.with_fields("GET", "/assemblies", {"params": text}, headers)


def expired(api2: Api2) -> Answer:
    token = api2.bearer()
    api2.advance(21_600)
    return api2.by(token, "GET", "/assemblies")


def cancelled(api2: Api2) -> Answer:
    api2.control("workspace", slug="sandbox", cancelled=True)
    return api2.signed("POST", "/assemblies", steps=STEPS)


def malformed_token(api2: Api2) -> Answer:
    return api2.token(body="grant_type=client_credentials&aud=api2&aud=mcp")


def malformed_form(api2: Api2) -> Answer:
    headers = {"content-type": "multipart/form-data; boundary=x"}
    return api2.send("POST", "/assemblies", headers=headers, body=b"no form")


def reused_signature(api2: Api2) -> Answer:
    return [api2.signed("GET", "/auth_keys", auth={"nonce": 1}) for _ in range(2)][1]


def reused_id(api2: Api2) -> Answer:
    return [api2.signed("POST", f"/assemblies/{ID}", steps=STEPS) for _ in range(2)][1]


def on_assembly(path: str, seconds: int = 0, **options: Any) -> Request:
    """A write to `path` with the id of an Assembly that was made so many seconds ago."""

    def send(api2: Api2) -> Answer:
        made = api2.assembly()
        api2.advance(seconds)
        return api2.signed("POST", path.format(made["assembly_id"]), **options)

    return send


def with_template(name: str = "strict", **content: Any) -> Request:
    def send(api2: Api2) -> Answer:
        api2.signed("POST", "/templates", name="strict", template={"steps": STEPS, **content})
        return api2.signed("POST", "/assemblies", steps=STEPS, template_id=name)

    return send


REPLAY, NOTIFY = "/assemblies/{}/replay", "/assembly_notifications/{}/replay"
CREDENTIALS = f"/template_credentials/{ID}"
# Requests that deserve the code. A code may stand here more than once.
DESERVED: list[tuple[str, Request]] = [
    # POST /token
    ("SERVER_401", token(None)),
    ("SERVER_401", lambda api2: api2.send("POST", "/token", headers={"authorization": "Basic ?"})),
    ("SERVER_401", lambda api2: api2.send("POST", "/token", headers={"authorization": f"Bearer {api2.bearer()}"})),
    ("GET_ACCOUNT_UNKNOWN_AUTH_KEY", token("nobody:x")),
    ("TOKEN_INVALID_CREDENTIALS", token("key-1:wrong")),
    ("TOKEN_INVALID_GRANT_TYPE", token(grant_type="password")),
    ("TOKEN_INVALID_GRANT_TYPE", token(grant_type="authorization_code")),
    ("TOKEN_INVALID_GRANT_TYPE", token(body="scope=a")),
    ("TOKEN_INVALID_REQUEST", malformed_token),
    ("TOKEN_INVALID_REQUEST", token(body="grant_type=client_credentials&scope=%ff")),
    ("TOKEN_INVALID_REQUEST", lambda api2: api2.send("POST", "/token", headers=BASIC, json=GRANT)),
    ("TOKEN_INVALID_AUDIENCE", token(aud="elsewhere")),
    ("TOKEN_INVALID_SCOPE", token(NARROW, scope="billing:read")),
    ("TOKEN_INVALID_SCOPE", token(NARROW, scope="assemblies:read billing:read")),
    ("TOKEN_INVALID_SCOPE", token(scope="Assemblies:read")),
    # Bearer tokens
    ("BEARER_TOKEN_INVALID", lambda api2: api2.by("unknown", "GET", "/assemblies")),
    ("BEARER_TOKEN_EXPIRED", expired),
    ("BEARER_TOKEN_AUTH_KEY_MISMATCH", bearer("GET", "/assemblies", auth={"key": "key-2"})),
    ("INSUFFICIENT_AUTH_SCOPE", bearer("GET", "/templates")),
    ("INSUFFICIENT_AUTH_SCOPE", bearer("DELETE", "/templates/any", "templates:read")),
    ("INVALID_PARAMS_FIELD", lambda api2: with_bearer(api2, "{")),
    ("NO_OBJECT_PARAMS_FIELD", lambda api2: with_bearer(api2, "[]")),
    ("NO_OBJECT_AUTH_PARAMETER", lambda api2: with_bearer(api2, '{"auth": 1}')),
    # Signature Authentication, in the order in which a naive client meets them
    ("NO_PARAMS_FIELD", query()),
    ("INVALID_PARAMS_FIELD", query(params="{")),
    ("NO_OBJECT_PARAMS_FIELD", params([])),
    ("NO_AUTH_PARAMETER", params({})),
    ("NO_OBJECT_AUTH_PARAMETER", auth(1)),
    ("NO_AUTH_KEY_PARAMETER", auth({"expires": "x"})),
    ("INVALID_AUTH_KEY_PARAMETER", auth({"key": 1, "expires": "x"})),
    ("GET_ACCOUNT_UNKNOWN_AUTH_KEY", auth({"key": "nobody", "expires": "x"})),
    ("NO_AUTH_EXPIRES_PARAMETER", auth({"key": "key-1"}, signature="sha384:00")),
    ("INVALID_AUTH_EXPIRES_PARAMETER", auth(AUTH | {"expires": "x"})),
    ("AUTH_EXPIRED", auth(AUTH | {"expires": "2020-01-01T00:00:00Z"})),
    ("NO_SIGNATURE_FIELD", auth(AUTH | {"referer": "("})),
    ("INVALID_SIGNATURE", auth(AUTH | {"referer": "("}, signature="sha384:00")),
    ("INVALID_SIGNATURE", auth(AUTH, signature="md5:00")),
    ("INVALID_SIGNATURE", auth(AUTH, signature="\u00e9")),
    ("SIGNATURE_REUSE_DETECTED", reused_signature),
    ("INVALID_AUTH_REFERER_PARAMETER", signed("GET", "/assemblies", auth={"referer": "("}, headers={"Referer": "a"})),
    ("REFERER_MISMATCH", signed("GET", "/assemblies", auth={"referer": "a"}, headers={"Referer": "b"})),
    ("SERVER_403", cancelled),
    # Paths
    ("SERVER_404", lambda api2: api2.send("GET", "/elsewhere")),
    ("SERVER_404", lambda api2: api2.send("PATCH", "/assemblies")),
    ("SERVER_404", signed("POST", "/assemblies/short", steps=STEPS)),
    ("SERVER_404", lambda api2: api2.send("GET", "/files/unknown/a.txt")),
    # Assemblies
    ("INVALID_FORM_DATA", malformed_form),
    ("INVALID_AUTH_MAX_SIZE_PARAMETER", create(auth={"max_size": "1"})),
    ("INVALID_AUTH_MAX_NUMBER_OF_FILES_PARAMETER", create(auth={"max_number_of_files": 0})),
    ("MAX_SIZE_EXCEEDED", create(auth={"max_size": 1}, files={"f": ("a", b"12")})),
    ("MAX_NUMBER_OF_FILES_EXCEEDED", create(auth={"max_number_of_files": 1}, files={x: (x, b"1") for x in "ab"})),
    ("ASSEMBLY_NO_STEPS", create(steps=None)),
    ("ASSEMBLY_EMPTY_STEPS", create(steps={})),
    ("ASSEMBLY_INVALID_STEPS", create(steps=[])),
    ("ASSEMBLY_INVALID_STEPS", create(steps={"a": 1})),
    ("ASSEMBLY_STEP_NO_ROBOT", create(steps={"a": {}})),
    ("ASSEMBLY_STEP_UNKNOWN_ROBOT", create(steps={"a": {"robot": "resize"}})),
    ("ASSEMBLY_STEP_UNKNOWN_ROBOT", create(steps={"a": {"robot": "/image/resise"}})),
    ("ASSEMBLY_STEP_UNKNOWN_ROBOT", create(steps={"a": {"robot": ["/image/resize"]}})),
    ("ASSEMBLY_INVALID_NOTIFY_URL", create(notify_url="ftp://a")),
    ("ASSEMBLY_INVALID_NUM_EXPECTED_UPLOAD_FILES_PARAM", create(files={"num_expected_upload_files": "x"})),
    ("NO_TEMPLATE_ID", create(template_id="")),
    ("TEMPLATE_NOT_FOUND", create(template_id="unknown")),
    ("TEMPLATE_DENIES_STEPS_OVERRIDE", with_template(allow_steps_override=False)),
    ("DO_NOT_REUSE_ASSEMBLY_IDS", reused_id),
    ("ASSEMBLY_NOT_FOUND", lambda api2: api2.send("GET", f"/assemblies/{ID}")),
    ("ASSEMBLY_NOT_FOUND", lambda api2: api2.send("DELETE", f"/assemblies/{ID}")),
    ("ASSEMBLY_NOT_FOUND", signed("POST", REPLAY.format(ID))),
    ("ASSEMBLY_NOT_FOUND", signed("POST", NOTIFY.format(ID))),
    ("ASSEMBLY_ACCOUNT_MISMATCH", on_assembly(REPLAY, 10, key=OTHERS)),
    ("ASSEMBLY_CANNOT_BE_REPLAYED", on_assembly(REPLAY)),
    ("ASSEMBLY_NOT_FINISHED", on_assembly(NOTIFY)),
    ("ASSEMBLY_NO_NOTIFY_URL", on_assembly(NOTIFY, 10)),
    ("ASSEMBLY_LIST_ERROR", signed("GET", "/assemblies", type="strange")),
    ("ASSEMBLY_LIST_ERROR", signed("GET", "/assemblies", pagesize=5001)),
    ("ASSEMBLY_LIST_ERROR", signed("GET", "/assemblies", page=0)),
    ("ASSEMBLY_LIST_ERROR", signed("GET", "/assemblies", fromdate="yesterday")),
    ("ASSEMBLY_LIST_ERROR", signed("GET", "/assemblies", sort="colour")),
    ("ASSEMBLY_LIST_ERROR", signed("GET", "/assemblies", keywords="word")),
    # Templates
    ("TEMPLATE_VALIDATION_ERROR", signed("POST", "/templates", name="Name", template={"steps": STEPS})),
    ("TEMPLATE_VALIDATION_ERROR", signed("POST", "/templates", template={"steps": STEPS})),
    ("TEMPLATE_VALIDATION_ERROR", signed("POST", "/templates", name="my-template")),
    ("TEMPLATE_VALIDATION_ERROR", signed("POST", "/templates", name="my-template", template={})),
    ("TEMPLATE_VALIDATION_ERROR", signed("POST", "/templates", name="my-template", template={"steps": {"a": 1}})),
    ("TEMPLATE_INVALID_JSON", signed("POST", "/templates", name="my-template", template="{")),
    ("TEMPLATE_LIST_ERROR", signed("GET", "/templates", include_builtin="some")),
    ("TEMPLATE_LIST_ERROR", signed("GET", "/templates", order="up")),
    ("TEMPLATE_NOT_FOUND", signed("GET", "/templates/unknown")),
    ("TEMPLATE_NOT_FOUND", signed("PUT", "/templates/unknown")),
    ("TEMPLATE_NOT_FOUND", signed("DELETE", "/templates/unknown")),
    # Template Credentials
    ("TEMPLATE_CREDENTIALS_NOT_CREATED", signed("POST", "/template_credentials", name="name", type="x", content={})),
    ("TEMPLATE_CREDENTIALS_NOT_CREATED", signed("POST", "/template_credentials", name="abc", type="s3", content={})),
    ("TEMPLATE_CREDENTIALS_NOT_READ", signed("GET", CREDENTIALS)),
    ("TEMPLATE_CREDENTIALS_NOT_UPDATED", signed("PUT", CREDENTIALS)),
    ("TEMPLATE_CREDENTIALS_NOT_DELETED", signed("DELETE", CREDENTIALS)),
    ("TEMPLATE_CREDENTIALS_NOT_FOUND", signed("GET", "/template_credentials", order="up")),
    # Auth Keys
    ("AUTH_KEY_NOT_CREATED", signed("POST", "/auth_keys")),
    ("AUTH_KEY_NOT_CREATED", signed("POST", "/auth_keys", scope="everything")),
    ("AUTH_KEY_NOT_CREATED", signed("POST", "/auth_keys", scope="read", signature_algo="md5")),
    ("AUTH_KEY_NOT_CREATED", signed("POST", "/auth_keys", scope="read", auth_key="key-1")),
    ("AUTH_KEY_NOT_UPDATED", signed("PUT", f"/auth_keys/{ID}")),
    ("AUTH_KEY_NOT_UPDATED", signed("PUT", f"/auth_keys/{NARROW.id}", scope="everything")),
    ("AUTH_KEY_NOT_DELETED", signed("DELETE", f"/auth_keys/{ID}")),
    ("AUTH_KEY_NOT_DELETED", signed("DELETE", f"/auth_keys/{OTHERS.id}")),
    ("AUTH_KEY_NOT_DELETED", signed("DELETE", "/auth_keys/self")),
    ("AUTH_SECRET_NOT_RETRIEVED", signed("POST", f"/auth_keys/show_secret/{ID}")),
    ("AUTH_SECRET_NOT_RETRIEVED", signed("POST", f"/auth_keys/show_secret/{NARROW.id}")),
    # The bill
    ("BILL_NOT_FOUND", signed("GET", "/bill/2099-01")),
]
# Codes of things that the sandbox does not do, or never fails to do: a fault gives them.
ON_DEMAND = {
    "ADMIN_PERMISSIONS_REQUIRED",
    "ASSEMBLY_CANCEL_UNAVAILABLE",
    "ASSEMBLY_COULD_NOT_BE_CREATED",
    "ASSEMBLY_STATS_ERROR",
    "ASSEMBLY_STATS_INVALID_TIME",
    "ASSEMBLY_STATS_MISSING_REGION",
    "ASSEMBLY_STATUS_NOT_FOUND",
    "AUTH_KEYS_NOT_FOUND",
    "AUTH_KEY_SCOPES_NOT_FOUND",
    "BILL_LIMIT_EXCEEDED",
    "DAM_MUTATION_CONFLICT",
    "DAM_RESOURCE_NOT_FOUND",
    "GET_ACCOUNT_DB_ERROR",
    "PLAN_LIMIT_EXCEEDED",
    "PRIORITY_JOB_SLOTS_NOT_FOUND",
    "PRIORITY_JOB_SLOT_STATS_ERROR",
    "PRIORITY_JOB_SLOT_STATS_INVALID_AGGREGATION",
    "PRIORITY_JOB_SLOT_STATS_INVALID_TIME",
    "PRIORITY_JOB_SLOT_STATS_MISSING_REGION",
    "SERVER_500",
    "VERIFIED_EMAIL_REQUIRED",
}
# Limits, and a connection that ends: tests of their own.
ELSEWHERE = {
    "RATE_LIMIT_REACHED",
    "ASSEMBLY_STATUS_FETCHING_RATE_LIMIT_REACHED",
    PROXY_LIMIT,
    "REQUEST_PREMATURE_CLOSED",
}


@pytest.mark.parametrize(("code", "request_"), DESERVED, ids=lambda value: value if isinstance(value, str) else "")
def test_a_request_that_deserves_it_gets_the_code_with_its_status(api2: Api2, code: str, request_: Request) -> None:
    status, body = request_(api2)
    assert (status, body["error"], body["http_code"]) == (EXPECTED[code], code, EXPECTED[code])
    assert body.keys() == {"error", "http_code", "message"}
    assert body["message"]


def test_every_code_comes_when_it_is_asked_for(api2: Api2) -> None:
    got = {}
    for code in EXPECTED:
        api2.control("faults", path="/*", error=code)
        status, body = api2.send("GET", "/assemblies")
        got[body["error"]] = status
    assert got == EXPECTED == STATUSES


@pytest.mark.parametrize(
    ("limit", "path", "code", "status"),
    [
        ("token_limit", "/token", "RATE_LIMIT_REACHED", 429),
        ("assembly_limit", "/assemblies", "RATE_LIMIT_REACHED", 413),
        ("status_limit", f"/assemblies/{ID}", "ASSEMBLY_STATUS_FETCHING_RATE_LIMIT_REACHED", 429),
        ("request_limit", "/", PROXY_LIMIT, 429),
    ],
)
def test_each_limit_has_its_own_code_and_status(start: Start, limit: str, path: str, code: str, status: int) -> None:
    settings: dict[str, Any] = {limit: Limit(1)}
    api2 = start(Settings(**settings))

    def send() -> Answer:
        if path == "/token":
            return api2.token()
        return create()(api2) if path == "/assemblies" else api2.send("GET", path)

    send()
    got, body = send()
    assert (got, body["error"], body["info"]) == (status, code, {"retryIn": 60})


def test_a_defect_of_the_sandbox_is_answered_as_a_defect_of_api2_is(running_loop: Loop) -> None:
    with serving(lambda: create_app([KEY], Clock(lambda: 1 / 0)), on=running_loop) as origin:
        assert Api2(origin).token() == (
            500,
            {"error": "SERVER_500", "http_code": 500, "message": "A defect of the sandbox: ZeroDivisionError"},
        )


def test_every_code_is_in_the_tables_above() -> None:
    assert {code for code, _ in DESERVED} | ON_DEMAND | ELSEWHERE == EXPECTED.keys()
    assert not ON_DEMAND & {code for code, _ in DESERVED}
