"""An API Gateway event becomes a token request, or its kind of refusal."""

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from broker.errors import (
    AssertionRefused,
    BrokerFault,
    CallerRefused,
    ClientAssertionRefused,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    MethodNotAllowed,
    NoProof,
    SharedSecretRefused,
    SubjectTokenRefused,
    TooLarge,
    UnsupportedGrantType,
    UnsupportedMediaType,
)
from broker.event import HttpRequest
from broker.request import (
    InvokeProof,
    Proof,
    ProofForm,
    TokenRequest,
    read_iam_request,
    read_invocation,
    read_token_request,
)
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

FORM = "application/x-www-form-urlencoded"
ORIGIN = "https://id.execute-api.us-east-1.amazonaws.com"


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
    return HttpRequest("id", method, "ANY /token", ORIGIN, headers, base64.b64encode(data).decode(), True, True)


def form(**fields: str) -> str:
    return urlencode({"grant_type": "client_credentials", **fields})


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


@pytest.mark.parametrize(
    ("authorization", "fields", "error"),
    [
        (None, {}, NoProof),
        ("", {}, NoProof),
        ("Basic YTpi", {}, SharedSecretRefused),
        ("Basic YTpiOg==", {}, SharedSecretRefused),
        ("Basic YTo=", {}, NoProof),
        ("Digest a", {}, NoProof),
        ("Bearer a.b.c", {"client_secret": "x"}, SharedSecretRefused),
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


def test_the_jwt_does_not_show() -> None:
    assert "a.b.c" not in repr(read_token_request(http()))


@given(st.binary(max_size=300), st.text(max_size=60), st.text(max_size=60))
def test_any_request_is_read_or_refused(body: bytes, authorization: str, content_type: str) -> None:
    for kind in (content_type, FORM):
        try:
            read_token_request(http(body, authorization=authorization, content_type=kind))
        except InvalidRequest:
            continue


# The other three forms.

EXCHANGE = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token": "a.b.c",
    "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
}
BEARER = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "a.b.c"}
ASSERTION = {
    "grant_type": "client_credentials",
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "client_assertion": "a.b.c",
}


def sent(fields: Mapping[str, str | None], authorization: str | None = None, more: str = "") -> HttpRequest:
    """These fields, None leaving one out; `more` is added to the body as it is."""
    present = {name: value for name, value in fields.items() if value is not None}
    return http(urlencode(present) + more, authorization=authorization)


@pytest.mark.parametrize("kind", ["jwt", "id_token", "access_token"])
def test_a_token_exchange_of_rfc_8693(kind: str) -> None:
    fields = EXCHANGE | {"subject_token_type": f"urn:ietf:params:oauth:token-type:{kind}", "audience": "mcp"}
    request = read_token_request(sent(fields))
    assert request.proof == Proof(ProofForm.SUBJECT_TOKEN, "a.b.c", token_type=kind)
    assert (request.proof.shown, request.aud) == (f"subject token ({kind})", "mcp")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        (ProofForm.HEADER, CallerRefused),
        (ProofForm.CLIENT_ASSERTION, ClientAssertionRefused),
        (ProofForm.ASSERTION, AssertionRefused),
        (ProofForm.SUBJECT_TOKEN, SubjectTokenRefused),
    ],
)
def test_each_form_of_proof_has_a_refusal_of_its_own(form: ProofForm, error: type) -> None:
    assert Proof(form, "a.b.c").refusal is error


def test_an_assertion_of_rfc_7523_section_2_1() -> None:
    assert read_token_request(sent(BEARER)).proof == Proof(ProofForm.ASSERTION, "a.b.c")


def test_a_client_assertion_of_rfc_7523_section_2_2_is_for_the_broker_alone() -> None:
    proof = read_token_request(sent(ASSERTION | {"client_id": "me"})).proof
    assert proof == Proof(ProofForm.CLIENT_ASSERTION, "a.b.c", client_id="me", audience=ORIGIN)


def test_without_a_configured_origin_a_client_assertion_is_refused_with_what_to_do() -> None:
    """The audience would be the domain in the event, which a direct invoker of the function writes."""
    request = replace(sent(ASSERTION), is_origin_configured=False)
    with pytest.raises(ClientAssertionRefused) as caught:
        read_token_request(request)
    assert caught.value.description == (
        "This broker takes no client_assertion: its operator has configured no PublicUrl. "
        "Send the JWT as Authorization: Bearer."
    )


@pytest.mark.parametrize("fields", [EXCHANGE, BEARER, ASSERTION], ids=["exchange", "bearer", "assertion"])
@pytest.mark.parametrize("authorization", [None, "Basic bWU6", "basic bWU6"])
def test_basic_without_a_password_beside_a_proof_is_what_some_clients_send_of_themselves(
    fields: dict[str, str], authorization: str | None
) -> None:
    assert read_token_request(sent(fields, authorization)).proof.jwt == "a.b.c"


@pytest.mark.parametrize("fields", [EXCHANGE, BEARER, ASSERTION], ids=["exchange", "bearer", "assertion"])
@pytest.mark.parametrize(
    ("authorization", "more", "error"),
    [
        ("Bearer x.y.z", "", InvalidRequest),
        ("Basic bWU6c2VjcmV0", "", SharedSecretRefused),
        ("Basic bWU6c2VjcmV0Og==", "", SharedSecretRefused),
        ("Basic !!!", "", NoProof),
        ("Digest x", "", NoProof),
        (None, "&client_secret=x", SharedSecretRefused),
        (None, "&subject_token=x&assertion=y", InvalidRequest),
        (None, "&assertion=x&client_assertion=y", InvalidRequest),
        ("Basic a, Basic b", "", InvalidRequest),
    ],
)
def test_a_second_proof_or_a_shared_secret_is_refused_in_every_form(
    fields: dict[str, str], authorization: str | None, more: str, error: type
) -> None:
    body = dict(part.partition("=")[::2] for part in more[1:].split("&") if part)
    with pytest.raises(InvalidRequest) as caught:
        read_token_request(sent(fields | body, authorization))
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        (EXCHANGE | {"subject_token": None}, InvalidRequest),
        (EXCHANGE | {"subject_token_type": None}, InvalidRequest),
        (EXCHANGE | {"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, InvalidRequest),
        (EXCHANGE | {"subject_token_type": "jwt"}, InvalidRequest),
        (EXCHANGE | {"requested_token_type": "urn:ietf:params:oauth:token-type:jwt"}, InvalidRequest),
        (EXCHANGE | {"actor_token": "x"}, InvalidRequest),
        (EXCHANGE | {"actor_token_type": "x"}, InvalidRequest),
        (EXCHANGE | {"resource": "https://api2.transloadit.com"}, InvalidTarget),
        (EXCHANGE | {"aud": "api2", "audience": "mcp"}, InvalidTarget),
        (BEARER | {"assertion": None}, InvalidRequest),
        (ASSERTION | {"client_assertion": None}, NoProof),
        (ASSERTION | {"client_assertion_type": None}, InvalidRequest),
        (ASSERTION | {"client_assertion_type": "saml2"}, InvalidRequest),
        ({"grant_type": "client_credentials", "assertion": "a.b.c"}, NoProof),
    ],
    ids=str,
)
def test_what_a_form_needs_and_does_not_take(fields: Mapping[str, str | None], error: type) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_token_request(sent(fields))
    assert type(caught.value) is error


@pytest.mark.parametrize("name", ["audience", "resource"])
def test_more_than_one_target_is_invalid_target_in_an_exchange_and_a_repeat_elsewhere(name: str) -> None:
    more = f"&{name}=api2&{name}=mcp"
    with pytest.raises(InvalidTarget):
        read_token_request(sent(EXCHANGE, more=more))
    with pytest.raises(InvalidRequest) as caught:
        read_token_request(sent(BEARER, more=more))
    assert type(caught.value) is InvalidRequest


def test_the_usual_requested_type_and_the_same_target_twice_are_fine() -> None:
    fields = {"requested_token_type": "urn:ietf:params:oauth:token-type:access_token", "aud": "mcp", "audience": "mcp"}
    assert read_token_request(sent(EXCHANGE | fields)).aud == "mcp"


def test_client_id_is_ignored_in_the_other_forms() -> None:
    assert read_token_request(sent(BEARER | {"client_id": "anybody"})).proof.client_id is None


# Callers without a JWT.


def iam(**changes: Any) -> dict[str, Any]:
    return {"requestContext": {"authorizer": {"iam": {"userArn": "x"}}} | changes}


def test_an_iam_request_holds_what_the_authorizer_said() -> None:
    request = read_iam_request(http(form(scope="a:read")), iam())
    assert (request.proof.identity, request.proof.shown) == ({"userArn": "x"}, "iam")
    assert request.scopes == {"a:read"}


@pytest.mark.parametrize("block", [{}, {"jwt": {}}, {"iam": None}, {"iam": "text"}])
def test_without_the_iam_authorizer_there_is_no_request(block: dict[str, Any]) -> None:
    with pytest.raises(BrokerFault):
        read_iam_request(http(), iam(authorizer=block))


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        (EXCHANGE, UnsupportedGrantType),
        (ASSERTION, InvalidRequest),
        ({"grant_type": "client_credentials", "client_secret": "x"}, InvalidRequest),
    ],
)
def test_an_iam_request_shows_no_other_proof(fields: dict[str, str], error: type) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_iam_request(sent(fields), iam())
    assert type(caught.value) is error


def test_an_invocation_says_what_it_wants_and_not_who_it_is() -> None:
    request = read_invocation({"scope": ["a:read", "b:write"], "aud": "mcp", "credential": "other"}, "nightly")
    assert (request.proof, request.scopes) == (InvokeProof("nightly"), {"a:read", "b:write"})
    assert (request.aud, request.credential) == ("mcp", "other")
    assert read_invocation({}, "nightly").scopes is None


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "text",
        {"sub": "somebody else"},
        {"Records": []},
        {"scope": "a:read"},
        {"scope": [5]},
        {"scope": [""]},
        {"scope": []},
        {"scope": ["a:read b:read"]},
        {"scope": ["*"]},
        {"aud": ""},
        {"aud": 5},
        {"credential": None},
    ],
    ids=repr,
)
def test_an_invocation_of_another_shape_is_an_invalid_request(event: Any) -> None:
    with pytest.raises(InvalidRequest):
        read_invocation(event, "nightly")
