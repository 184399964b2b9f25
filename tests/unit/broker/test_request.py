"""An API Gateway event becomes a token request, or its kind of refusal."""

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from broker.errors import (
    BrokerFault,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    MethodNotAllowed,
    NoProof,
    TooLarge,
    UnsupportedGrantType,
    UnsupportedMediaType,
)
from broker.request import HttpRequest, Proof, ProofForm, TokenRequest, read_event, read_token_request
from hypothesis import given
from hypothesis import strategies as st

FORM = "application/x-www-form-urlencoded"


def http(
    body: str | bytes = "grant_type=client_credentials",
    *,
    method: str = "POST",
    content_type: str | None = FORM,
    authorization: str | None = "Bearer a.b.c",
) -> HttpRequest:
    given_headers = {"content-type": content_type, "authorization": authorization}
    headers = {name: value for name, value in given_headers.items() if value is not None}
    data = body.encode() if isinstance(body, str) else body
    return HttpRequest("id", method, "ANY /token", headers, base64.b64encode(data).decode(), True)


def form(**fields: str) -> str:
    return urlencode({"grant_type": "client_credentials", **fields})


def test_the_least_request_asks_for_all_of_the_default_credential() -> None:
    assert read_token_request(http()) == TokenRequest("id", Proof(ProofForm.HEADER, "a.b.c"), None, "api2", "default")


def test_every_field_is_read() -> None:
    request = read_token_request(http(form(scope="b:read a:read", aud="mcp", credential="other")))
    assert (request.scopes, request.aud, request.credential) == ({"a:read", "b:read"}, "mcp", "other")


@pytest.mark.parametrize("scope", ["a:read b:read", "a:read,b:read", "a:read, b:read", " a:read  b:read a:read "])
def test_scopes_are_separated_by_spaces_or_commas(scope: str) -> None:
    assert read_token_request(http(form(scope=scope))).scopes == {"a:read", "b:read"}


@pytest.mark.parametrize("scope", ["*", "a *", 'a"', "a\\", "ä", "a\x01", ",", " "])
def test_a_malformed_scope_is_an_invalid_scope(scope: str) -> None:
    with pytest.raises(InvalidScope):
        read_token_request(http(form(scope=scope)))


def test_audience_is_the_same_field_as_aud() -> None:
    assert read_token_request(http(form(audience="mcp"))).aud == "mcp"
    assert read_token_request(http(form(audience="mcp", aud="mcp"))).aud == "mcp"
    with pytest.raises(InvalidTarget):
        read_token_request(http(form(audience="mcp", aud="api2")))


def test_empty_fields_count_as_absent_and_unknown_ones_are_ignored() -> None:
    request = read_token_request(http(form(scope="", aud="", credential="", Scope="x", whatever="y")))
    assert (request.scopes, request.aud, request.credential) == (None, "api2", "default")


@pytest.mark.parametrize("content_type", [FORM, FORM.upper(), f"{FORM}; charset=UTF-8", f'{FORM};charset="utf-8"; a=b'])
def test_the_form_s_content_type_may_have_parameters(content_type: str) -> None:
    read_token_request(http(content_type=content_type))


@pytest.mark.parametrize(
    "content_type", [None, "", "application/json", f"{FORM}; charset=latin-1", f"{FORM},{FORM}", "multipart/form-data"]
)
def test_another_content_type_is_unsupported(content_type: str | None) -> None:
    with pytest.raises(UnsupportedMediaType):
        read_token_request(http(content_type=content_type))


def test_a_body_of_16_kib_is_read_and_one_byte_more_is_not() -> None:
    start = "grant_type=client_credentials&x="
    fits = start + "a" * (16 * 1024 - len(start))
    read_token_request(http(fits))
    with pytest.raises(TooLarge):
        read_token_request(http(fits + "a"))


def test_a_plain_text_body_has_the_same_limit() -> None:
    with pytest.raises(TooLarge):
        read_token_request(HttpRequest("id", "POST", "ANY /token", {}, "ä" * 8193, False))


@pytest.mark.parametrize(
    "body",
    [
        "grant_type=client_credentials&scope=a&scope=b",
        "grant_type=client_credentials&grant_type=client_credentials",
        "grant_type=client_credentials&scope=&scope=",
        "grant_type=client_credentials&other=1&other=1",
        "grant_type=client_credentials&s%63ope=a&scope=b",
        "grant_type=client_credentials&x=%",
        "grant_type=client_credentials&x=%e4",
        "grant_type=client_credentials&" + "&".join(f"a{n}=1" for n in range(100)),
        b"grant_type=client_credentials&x=\xff",
        "scope=a",
        "",
    ],
)
def test_a_malformed_form_is_an_invalid_request(body: str | bytes) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_token_request(http(body))
    assert type(caught.value) is InvalidRequest


def test_a_body_that_is_no_base64_though_said_to_be_is_an_invalid_request() -> None:
    broken = HttpRequest("id", "POST", "ANY /token", {"content-type": FORM}, "=*=", True)
    with pytest.raises(InvalidRequest):
        read_token_request(broken)


@pytest.mark.parametrize(
    ("authorization", "fields", "error"),
    [
        (None, {}, NoProof),
        ("", {}, NoProof),
        ("Basic YTpi", {}, NoProof),
        ("Basic YTo=", {}, NoProof),
        ("Digest a", {}, NoProof),
        ("Bearer a.b.c", {"client_secret": "x"}, NoProof),
        ("Bearer a.b.c, Bearer d.e.f", {}, InvalidRequest),
        ("Bearer", {}, InvalidRequest),
        ("Bearer a b", {}, InvalidRequest),
        ("Bearer a.b.c\x00", {}, InvalidRequest),
        ("Bearer ä", {}, InvalidRequest),
        ("Bearer a.b.c", {"assertion": "x"}, InvalidRequest),
        ("Bearer a.b.c", {"subject_token": "x"}, InvalidRequest),
        ("Bearer a.b.c", {"client_assertion": "x"}, InvalidRequest),
    ],
)
def test_there_must_be_one_proof(authorization: str | None, fields: Mapping[str, str], error: type) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_token_request(http(form(**fields), authorization=authorization))
    assert type(caught.value) is error


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_s_case_does_not_matter(scheme: str) -> None:
    assert read_token_request(http(authorization=f"{scheme} a.b.c")).proof.jwt == "a.b.c"


def test_the_checks_run_in_the_order_of_the_contract() -> None:
    """Each request has every mistake from its own on; the first is told."""
    large = "a" * 20_000
    order: list[tuple[HttpRequest, type]] = [
        (http(large, method="GET", content_type="x", authorization=None), MethodNotAllowed),
        (http(large, content_type="x", authorization=None), TooLarge),
        (http("%", content_type="x", authorization=None), UnsupportedMediaType),
        (http("a=%&a=1", authorization=None), InvalidRequest),
        (http("a=1&a=1&grant_type=x", authorization=None), InvalidRequest),
        (http("grant_type=x&scope=*", authorization=None), UnsupportedGrantType),
        (http(form(scope="*"), authorization=None), NoProof),
        (http(form(scope="*")), InvalidScope),
    ]
    for request, error in order:
        with pytest.raises(InvalidRequest) as caught:
            read_token_request(request)
        assert type(caught.value) is error


EVENT: dict[str, Any] = {
    "version": "2.0",
    "routeKey": "ANY /token",
    "rawQueryString": "grant_type=client_credentials&scope=admin",
    "headers": {"authorization": "Bearer a.b.c"},
    "requestContext": {"requestId": "id", "http": {"method": "POST"}, "authorizer": {"jwt": {"claims": {"sub": "x"}}}},
    "body": "YT0x",
    "isBase64Encoded": True,
}


def test_an_event_is_read_without_its_query_and_authorizer() -> None:
    headers = {"authorization": "Bearer a.b.c"}
    assert read_event(EVENT) == HttpRequest("id", "POST", "ANY /token", headers, "YT0x", True)


@pytest.mark.parametrize(
    "event",
    [
        {},
        None,
        [],
        "text",
        {**EVENT, "version": "1.0"},
        {"source": "aws.events", "detail": {}},
        {"Records": [{"eventSource": "aws:s3"}]},
        {name: value for name, value in EVENT.items() if name != "requestContext"},
        {**EVENT, "requestContext": {"elb": {}}},
    ],
)
def test_other_events_are_refused(event: Any) -> None:
    with pytest.raises(BrokerFault):
        read_event(event)


def test_the_jwt_does_not_show() -> None:
    assert "a.b.c" not in repr(read_token_request(http()))
    assert "a.b.c" not in repr(read_event(EVENT))


@given(st.binary(max_size=300), st.text(max_size=60), st.text(max_size=60))
def test_any_request_is_read_or_refused(body: bytes, authorization: str, content_type: str) -> None:
    for kind in (content_type, FORM):
        try:
            read_token_request(http(body, authorization=authorization, content_type=kind))
        except InvalidRequest:
            continue
