"""An HTTP request becomes a token request, or its kind of refusal."""

import pytest
from broker.base.errors import (
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    MethodNotAllowed,
    NoProof,
    TooLarge,
    UnsupportedGrantType,
    UnsupportedMediaType,
)
from broker.request.http import HttpRequest
from broker.request.proof import Proof, ProofForm
from broker.request.request import TokenRequest, read_token_request
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.forms import BEARER, EXCHANGE, FORM, ORIGIN, form, http, sent


def test_the_least_request_asks_for_all_of_the_default_credential() -> None:
    assert read_token_request(http()) == TokenRequest(Proof(ProofForm.HEADER, "a.b.c"), None, "api2", "default")


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


@pytest.mark.parametrize(
    "content_type",
    [
        FORM,
        FORM.upper(),
        f"{FORM}; charset=UTF-8",
        f'{FORM};charset="utf-8"; a=b',
        f"{FORM} ; Charset=utf-8 ;; a='b' ",
        f'{FORM};a="; charset=latin-1, b"',
    ],
)
def test_the_form_s_content_type_may_have_parameters(content_type: str) -> None:
    read_token_request(http(content_type=content_type))


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "application/json",
        "multipart/form-data",
        "appl\u0131cation/x-www-form-urlencoded",
        f"{FORM},{FORM}",
        f"{FORM}, {FORM}; charset=utf-8",
        f"{FORM}x",
        f"{FORM}; charset=latin-1",
        f"{FORM}; charset=utf-8; charset=latin-1",
        f"{FORM}; charset",
        f'{FORM}; charset="utf-8',
        f"{FORM};a*0;a*",
        f"{FORM}; charset*{'1' * 5000}=x",
        f"{FORM}; a={'b' * 256}",
    ],
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
        read_token_request(HttpRequest("id", "POST", "ANY /token", ORIGIN, {}, "ä" * 8193, False))


@pytest.mark.parametrize(
    "body",
    [
        "grant_type=client_credentials&scope=a&scope=b",
        "grant_type=client_credentials&grant_type=client_credentials",
        "grant_type=client_credentials&scope=&scope=",
        "grant_type=client_credentials&other=1&other=1",
        "grant_type=client_credentials&s%63ope=a&scope=b",
        "grant_type=client_credentials&x=%",
        "grant_type=client_credentials" + "".join(f"&{number}=x" for number in range(100)),
        "grant_type=client_credentials&x=%e4",
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
    broken = HttpRequest("id", "POST", "ANY /token", ORIGIN, {"content-type": FORM}, "=*=", True)
    with pytest.raises(InvalidRequest):
        read_token_request(broken)


def test_the_checks_run_in_the_order_of_the_contract() -> None:
    """Each request has every mistake from its own on, and is refused for the first."""
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


@given(st.binary(max_size=300), st.text(max_size=60), st.text(max_size=60))
def test_every_request_is_read_or_refused(body: bytes, authorization: str, content_type: str) -> None:
    for kind in (content_type, FORM):
        try:
            read_token_request(http(body, authorization=authorization, content_type=kind))
        except InvalidRequest:
            continue


@pytest.mark.parametrize("name", ["audience", "resource"])
def test_a_second_target_is_invalid_target_in_an_exchange_and_a_repeat_elsewhere(name: str) -> None:
    more = f"&{name}=api2&{name}=mcp"
    with pytest.raises(InvalidTarget):
        read_token_request(sent(EXCHANGE, more=more))
    with pytest.raises(InvalidRequest) as caught:
        read_token_request(sent(BEARER, more=more))
    assert type(caught.value) is InvalidRequest


def test_the_usual_requested_type_and_the_same_target_twice_are_fine() -> None:
    fields = {"requested_token_type": "urn:ietf:params:oauth:token-type:access_token", "aud": "mcp", "audience": "mcp"}
    assert read_token_request(sent(EXCHANGE | fields)).aud == "mcp"
