"""docs/openapi.yaml against the running stack: no undocumented answer and no fault, whatever is sent."""

import re
from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from infra.sam import ROOT
from tests.kit.callers import Answer
from tests.kit.forms import form
from tests.kit.stacks import Client

PATH = ROOT / "docs/openapi.yaml"
DOCUMENT = yaml.safe_load(PATH.read_text())
# Below the gateway's throttle, so that it is the function that answers.
schema = schemathesis.openapi.from_path(PATH, config=SchemathesisConfig.from_dict({"rate-limit": "30/s"}))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@schema.parametrize()
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_every_answer_is_documented_and_no_fault_whatever_is_sent(case: Any, stack: Client) -> None:
    case.call_and_validate(base_url=stack.stack["broker_url"], checks=CHECKS)


def resolved(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}


def is_valid(answer: Answer, name: str) -> bool:
    return bool(Draft202012Validator(resolved(name)).is_valid(answer.body))


@pytest.mark.parametrize("shown", ["header", "exchange", "assertion"])
def test_a_real_token_is_as_described(stack: Client, shown: str) -> None:
    if shown == "header":
        answer = stack.post()
    else:
        exchange = {"grant_type": EXCHANGE, "subject_token": stack.jwt(), "subject_token_type": TYPE}
        assertion = {"grant_type": JWT_BEARER, "assertion": stack.jwt()}
        answer = stack.post_form(urlencode(exchange if shown == "exchange" else assertion), authorization=None)
    assert answer.status == 200
    assert is_valid(answer, "Token")


def test_a_refusal_is_as_described_and_has_only_documented_words(stack: Client) -> None:
    for answer in (stack.post("a.b.c"), stack.post(stack.jwt(groups=[])), stack.post(scope="billing:read")):
        assert is_valid(answer, "Error")
        assert str(answer.status) in DOCUMENT["paths"]["/token"]["post"]["responses"]


def test_an_iam_token_is_as_described(stack: Client) -> None:
    body = form().encode()
    assert is_valid(stack.signed("POST", "/iam/token", body), "Token")


ASSEMBLY = {"kind": "assembly", "template": "avatar"}
CDN = {"kind": "smart_cdn", "template": "thumbnail"}
STORAGE = {"kind": "storage", "grant": "own"}


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        (ASSEMBLY, "SignedAssembly"),
        (ASSEMBLY | {"fields": {"album": "summer"}, "credential": "uploads"}, "SignedAssembly"),
        (ASSEMBLY | {"credential": None}, "SignedAssembly"),
        (CDN | {"input": "users/a", "params": {"w": 100}, "expires_in": 60}, "SmartCdnUrl"),
        (CDN | {"inputs": ["users/a", "users/b"]}, "SmartCdnUrls"),
        (CDN | {"input": "users/a", "inputs": None, "expires_in": None}, "SmartCdnUrl"),
        (STORAGE | {"expires_in": 60}, "SignedGrant"),
        (ASSEMBLY | {"expires_in": 60}, None),
        (ASSEMBLY | {"fields": {"album": 1}}, None),
        (ASSEMBLY | {"fields": None}, None),
        (ASSEMBLY | {"steps": {}}, None),
        (CDN, None),
        (CDN | {"input": "users/a", "inputs": ["users/a"]}, None),
        (CDN | {"inputs": []}, None),
        (CDN | {"inputs": ["users/a"] * 101}, None),
        (CDN | {"input": ""}, None),
        (CDN | {"input": "users/" + "a" * 1019}, None),
        (CDN | {"input": "users/a", "params": {"w": 100.5}}, None),
        (CDN | {"input": "users/a", "params": {"w": 2**53}}, None),
        (CDN | {"input": "users/a", "expires_in": 0}, None),
        (STORAGE | {"input": "users/a"}, None),
        ({"kind": "storage"}, None),
        ({"grant": "own"}, None),
        ({"kind": "token", "template": "avatar"}, None),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_request_that_is_valid_by_the_description_and_no_other_gets_a_signature_as_described(
    stack: Client, sent: dict[str, Any], name: str | None
) -> None:
    answer = stack.sign(sent)
    assert Draft202012Validator(resolved("SignatureRequest")).is_valid(sent) is (name is not None)
    assert answer.status == (400 if name is None else 200), answer.text
    assert is_valid(answer, "Error" if name is None else name)
    assert is_valid(answer, "Signature") is (name is not None)


def test_every_route_of_the_stack_is_described_and_no_other() -> None:
    template = (ROOT / "template.yaml").read_text()
    assert set(re.findall(r'Path: "?(/[^,\s"]+)', template)) == set(DOCUMENT["paths"])


EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TYPE = "urn:ietf:params:oauth:token-type:jwt"


@pytest.mark.parametrize(
    ("in_header", "fields"),
    [
        (True, {"grant_type": "client_credentials"}),
        (True, {"grant_type": "client_credentials", "client_assertion_type": "anything", "client_assertion": ""}),
        (True, {"grant_type": "client_credentials", "aud": "", "scope": " assemblies:read,assemblies:write "}),
        (True, {"grant_type": "client_credentials", "client_assertion": "JWT"}),
        (True, {"grant_type": "client_credentials", "subject_token": "JWT"}),
        (True, {"grant_type": "client_credentials", "client_secret": "x"}),
        (True, {"grant_type": "client_credentials", "scope": " , "}),
        (True, {"grant_type": "client_credentials", "aud": "api3"}),
        (True, {"grant_type": "password"}),
        (True, {}),
        (False, {"grant_type": EXCHANGE, "subject_token": "JWT", "subject_token_type": TYPE}),
        (False, {"grant_type": EXCHANGE, "subject_token": "JWT", "subject_token_type": "x"}),
        (False, {"grant_type": EXCHANGE, "subject_token": "JWT"}),
        (False, {"grant_type": EXCHANGE, "subject_token_type": TYPE}),
        (False, {"grant_type": EXCHANGE, "subject_token": "JWT", "subject_token_type": TYPE, "resource": "x"}),
        (
            False,
            {"grant_type": EXCHANGE, "subject_token": "JWT", "subject_token_type": TYPE, "requested_token_type": "x"},
        ),
        (False, {"grant_type": JWT_BEARER, "assertion": "JWT"}),
        (False, {"grant_type": JWT_BEARER, "assertion": "JWT", "subject_token": "JWT"}),
        (False, {"grant_type": JWT_BEARER}),
    ],
    ids=str,
)
def test_a_request_that_is_valid_by_the_description_and_no_other_gets_a_token(
    stack: Client, in_header: bool, fields: dict[str, str]
) -> None:
    jwt = stack.jwt()
    sent = {name: jwt if value == "JWT" else value for name, value in fields.items()}
    answer = stack.post_form(urlencode(sent), authorization=f"Bearer {jwt}" if in_header else None)
    is_described = Draft202012Validator(resolved("TokenRequest")).is_valid(sent)
    assert (answer.status == 200) is is_described
