"""Each row of the error table in docs/http.md, through gateway, emulator and the built artifact."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.kit.forms import form
from tests.kit.stacks import Client

Row = Callable[[Client], Any]
GRANT = form()

REFUSALS: dict[str, tuple[Row, int, str]] = {
    "no grant_type": (lambda c: c.post_form("scope=assemblies:read"), 400, "invalid_request"),
    "a repeated parameter": (lambda c: c.post_form(f"{GRANT}&scope=a&scope=a"), 400, "invalid_request"),
    "two proofs": (lambda c: c.post(assertion="x.y.z"), 400, "invalid_request"),
    "two Authorization headers": (
        lambda c: c.post_form(GRANT, authorization="Bearer a.b.c, Bearer d.e.f"),
        400,
        "invalid_request",
    ),
    "a broken escape": (lambda c: c.post_form(f"{GRANT}&scope=%zz"), 400, "invalid_request"),
    "an unknown grant": (lambda c: c.post_form("grant_type=password"), 400, "unsupported_grant_type"),
    "no proof": (lambda c: c.post_form(GRANT, authorization=None), 401, "invalid_client"),
    "a shared secret": (lambda c: c.post_form(GRANT, authorization="Basic a2V5OnNlY3JldA=="), 401, "invalid_client"),
    "no JWT": (lambda c: c.post_form(GRANT, authorization="Bearer not-a-jwt"), 401, "invalid_token"),
    "an expired JWT": (lambda c: c.post(c.jwt(exp=c.now - 600)), 401, "invalid_token"),
    "another audience": (lambda c: c.post(c.jwt(aud="elsewhere")), 401, "invalid_token"),
    "an unknown issuer": (lambda c: c.post(c.jwt(iss="https://evil.example")), 401, "invalid_token"),
    "no rule matches": (lambda c: c.post(c.jwt(groups=["strangers"])), 403, "access_denied"),
    "an unknown credential": (lambda c: c.post(credential="other"), 400, "invalid_target"),
    "another aud": (lambda c: c.post(aud="mcp"), 400, "invalid_target"),
    "too wide a scope": (lambda c: c.post(scope="assemblies:read billing:read"), 400, "invalid_scope"),
    "a malformed scope": (lambda c: c.post(scope="*"), 400, "invalid_scope"),
    "a body too large": (lambda c: c.post_form(f"{GRANT}&x=" + "a" * 16_384), 413, "invalid_request"),
    "another content type": (lambda c: c.post_form("{}", content_type="application/json"), 415, "invalid_request"),
    "no content type": (lambda c: c.post_form(GRANT, content_type=None), 415, "invalid_request"),
    "a secret that is not there": (lambda c: c.post(credential="missing"), 500, "server_error"),
    "an issuer out of reach": (lambda c: c.post(c.jwt(iss="http://127.0.0.1:9")), 503, "temporarily_unavailable"),
}

ASSEMBLY = {"kind": "assembly", "template": "avatar"}
CDN = {"kind": "smart_cdn", "template": "thumbnail", "input": "users/alice/a.jpg"}
REFUSALS |= {
    f"signature: {name}": row
    for name, row in {
        "no JSON": (lambda c: c.sign("{"), 400, "invalid_request"),
        "a repeated member": (lambda c: c.sign('{"kind": "assembly", "kind": "storage"}'), 400, "invalid_request"),
        "a half surrogate": (lambda c: c.sign(CDN | {"input": "\ud800"}), 400, "invalid_request"),
        "an unknown kind": (lambda c: c.sign({"kind": "bearer"}), 400, "invalid_request"),
        "a member that is never signed": (lambda c: c.sign(ASSEMBLY | {"notify_url": "x"}), 400, "invalid_request"),
        "a field of the rule's": (lambda c: c.sign(ASSEMBLY | {"fields": {"source": "x"}}), 400, "invalid_request"),
        "another person's input": (lambda c: c.sign(CDN | {"input": "users/bob/a.jpg"}), 400, "invalid_request"),
        "an input that climbs": (lambda c: c.sign(CDN | {"input": "users/alice/../bob/a"}), 400, "invalid_request"),
        "a parameter that is no choice": (lambda c: c.sign(CDN | {"params": {"w": 101}}), 400, "invalid_request"),
        "too long a life": (lambda c: c.sign(CDN | {"expires_in": 3601}), 400, "invalid_request"),
        "two Authorization headers": (
            lambda c: c.sign(CDN, authorization="Bearer a.b.c, Bearer d.e.f"),
            400,
            "invalid_request",
        ),
        "no proof": (lambda c: c.sign(CDN, authorization=None), 401, "invalid_client"),
        "a shared secret": (lambda c: c.sign(CDN, authorization="Basic a2V5OnNlY3JldA=="), 401, "invalid_client"),
        "no JWT": (lambda c: c.sign(CDN, "not-a-jwt"), 401, "invalid_token"),
        "an expired JWT": (lambda c: c.sign(CDN, c.jwt(exp=c.now - 600)), 401, "invalid_token"),
        "no rule signs": (lambda c: c.sign(CDN, c.jwt(groups=["editors"])), 403, "access_denied"),
        "a claim that climbs": (lambda c: c.sign(CDN, c.jwt(sub="..", groups=["visitors"])), 403, "access_denied"),
        "an unknown name": (lambda c: c.sign(ASSEMBLY | {"template": "x"}), 400, "invalid_target"),
        "another kind's name": (lambda c: c.sign(ASSEMBLY | {"template": "thumbnail"}), 400, "invalid_target"),
        "another credential": (lambda c: c.sign(ASSEMBLY | {"credential": "pictures"}), 400, "invalid_target"),
        "a body too large": (lambda c: c.sign(" " * 16_385), 413, "invalid_request"),
        "a form": (lambda c: c.sign(GRANT, content_type="application/x-www-form-urlencoded"), 415, "invalid_request"),
        "an issuer out of reach": (
            lambda c: c.sign(CDN, c.jwt(iss="http://127.0.0.1:9")),
            503,
            "temporarily_unavailable",
        ),
    }.items()
}


@pytest.mark.parametrize(("row", "status", "error"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_has_its_status_error_and_body_and_mints_nothing(
    client: Client, row: Row, status: int, error: str
) -> None:
    answer = row(client)
    assert (answer.status, answer.body["error"]) == (status, error)
    assert answer.body["message"] == answer.body["error_description"]
    assert answer.body["request_id"] == answer.headers["apigw-requestid"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert ("retry-after" in answer.headers) == ("retry_after" in answer.body) == (status == 503)
    record = client.record_of(answer)
    assert (record["status"], record["mints"], record["token_sha256"]) == (status, 0, None)


PATHS = pytest.mark.parametrize("path", ["/token", "/signature"])


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
@PATHS
def test_another_method_is_answered_with_405_and_allow(client: Client, path: str, method: str) -> None:
    answer = client.send(method, path)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@PATHS
def test_options_is_answered_with_204_and_leaves_no_record(client: Client, path: str) -> None:
    answer = client.send("OPTIONS", path)
    assert (answer.status, answer.text) == (204, "")
    assert not [record for record in client.records() if record["request_id"] == answer.headers["apigw-requestid"]]


def test_the_authorization_endpoint_of_the_metadata_refuses_and_redirects_nowhere(client: Client) -> None:
    metadata = client.send("GET", "/.well-known/oauth-authorization-server").body
    assert metadata["authorization_endpoint"] == f"{metadata['issuer']}/authorize"
    answer = client.send("GET", "/authorize?response_type=code&redirect_uri=https%3A%2F%2Fevil.example&state=s-4711")
    assert (answer.status, answer.body["error"]) == (400, "unsupported_response_type")
    assert "location" not in answer.headers
    assert not [word for word in ("evil.example", "s-4711") if word in answer.text + str(answer.headers)]


def test_health_tells_version_and_policy_of_the_records(client: Client) -> None:
    answer = client.send("GET", "/health")
    record = client.record_of(client.post())
    told = {"status": "ok", "version": record["version"], "policy": record["policy"]}
    assert (answer.status, answer.body) == (200, told)


def test_a_record_is_joined_with_lambda_s_own_lines(client: Client) -> None:
    record = client.record_of(client.post())
    assert any(f"START RequestId: {record['function_request_id']}" in line for line in client.log_lines())


def test_an_unknown_path_gets_the_gateway_s_own_answer(client: Client) -> None:
    answer = client.send("GET", "/elsewhere")
    assert (answer.status, answer.body) == (404, {"message": "Not Found"})


def test_a_mint_over_the_caller_s_budget_is_429_while_hits_go_on(client: Client) -> None:
    jwt = client.jwt(sub="greedy", groups=["many"])
    scopes = ["assemblies:read", "assemblies:write", "billing:read", "queues:read", "templates:read", "templates:write"]
    subsets = [f"{one} {two}" for one in scopes for two in scopes if one < two]
    # Each environment has a budget of its own, of ten.
    answers = [client.post(jwt, scope=scope) for scope in [*subsets, *scopes]]
    refused = [answer for answer in answers if answer.status == 429]
    assert refused
    assert {answer.status for answer in answers} == {200, 429}
    assert refused[0].body["error"] == "temporarily_unavailable"
    assert 1 <= int(refused[0].headers["retry-after"]) == refused[0].body["retry_after"] <= 60
    assert client.post(client.jwt(sub="modest", groups=["many"]), scope=subsets[0]).status == 200


def test_signed_assemblies_over_the_caller_s_budget_are_429_while_urls_go_on(client: Client) -> None:
    jwt = client.jwt(sub="greedy", groups=["visitors"])
    # Two environments, each with a budget of 30.
    refused = next(answer for answer in (client.sign(ASSEMBLY, jwt) for _ in range(70)) if answer.status != 200)
    assert refused.outcome == (429, "temporarily_unavailable")
    assert 1 <= int(refused.headers["retry-after"]) == refused.body["retry_after"] <= 6
    assert client.sign(CDN | {"input": "users/greedy/a"}, jwt).status == 200


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        ({"status": 503, "times": 2}, 503, "temporarily_unavailable"),
        ({"status": 429, "times": 1}, 503, "temporarily_unavailable"),
        ({"reset": True, "times": 2}, 503, "temporarily_unavailable"),
        ({"redirect": "http://127.0.0.1:9/token", "times": 1}, 502, "server_error"),
        ({"body": "<html>busy</html>", "content_type": "text/html", "times": 1}, 502, "server_error"),
        (
            {"body": {"access_token": "t", "token_type": "Bearer", "expires_in": 21600, "scope": "auth_keys:write"}},
            502,
            "server_error",
        ),
    ],
    ids=["5xx twice", "429", "reset twice", "redirect", "HTML", "wider scopes"],
)
def test_a_failure_of_api2_is_answered_as_the_contract_says(
    clean: Client, fault: dict[str, Any], status: int, error: str
) -> None:
    clean.api2.fault(**fault)
    answer = clean.post(clean.jwt(sub=f"unlucky {fault}", groups=["personal"]))
    assert (answer.status, answer.body["error"]) == (status, error)
    assert answer.headers["content-type"].startswith("application/json")
    assert clean.stack["auth_secret"] not in answer.text


def test_an_uptime_check_by_head_gets_200_and_no_body(client: Client) -> None:
    answer = client.send("HEAD", "/health")
    assert (answer.status, answer.text) == (200, "")
