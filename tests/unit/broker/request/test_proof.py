"""The proof of a request: exactly one, in the form of its grant type."""

from collections.abc import Mapping

import pytest
from broker.base.errors import (
    AssertionRefused,
    CallerRefused,
    ClientAssertionRefused,
    InvalidRequest,
    InvalidTarget,
    NoProof,
    SharedSecretRefused,
    SubjectTokenRefused,
)
from broker.request.proof import Proof, ProofForm
from broker.request.request import read_token_request
from msgspec.structs import replace

from tests.kit.forms import ASSERTION, BEARER, EXCHANGE, ORIGIN, form, http, sent


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
def test_a_request_that_shows_no_proof_or_more_than_one_is_refused(
    authorization: str | None, fields: Mapping[str, str], error: type
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_token_request(http(form(**fields), authorization=authorization))
    assert type(caught.value) is error


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_s_case_does_not_matter(scheme: str) -> None:
    assert read_token_request(http(authorization=f"{scheme} a.b.c")).proof.jwt == "a.b.c"


def test_the_jwt_does_not_show() -> None:
    assert "a.b.c" not in repr(read_token_request(http()))


@pytest.mark.parametrize("kind", ["jwt", "id_token", "access_token"])
def test_a_token_exchange_of_rfc_8693_is_read(kind: str) -> None:
    fields = EXCHANGE | {"subject_token_type": f"urn:ietf:params:oauth:token-type:{kind}", "audience": "mcp"}
    request = read_token_request(sent(fields))
    assert request.proof == Proof(ProofForm.SUBJECT_TOKEN, "a.b.c", token_type=kind)
    assert (request.proof.label, request.aud) == (f"subject token ({kind})", "mcp")


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


def test_an_assertion_of_rfc_7523_section_2_1_is_read() -> None:
    assert read_token_request(sent(BEARER)).proof == Proof(ProofForm.ASSERTION, "a.b.c")


def test_a_client_assertion_of_rfc_7523_section_2_2_is_for_the_broker_alone() -> None:
    proof = read_token_request(sent(ASSERTION | {"client_id": "me"})).proof
    assert proof == Proof(ProofForm.CLIENT_ASSERTION, "a.b.c", client_id="me", audience=ORIGIN)


def test_a_client_assertion_without_a_configured_origin_is_refused_with_what_to_do() -> None:
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
def test_basic_without_a_password_beside_a_proof_is_ignored_since_some_clients_always_send_it(
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
def test_a_form_that_lacks_a_field_or_has_a_foreign_one_is_refused(
    fields: Mapping[str, str | None], error: type
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_token_request(sent(fields))
    assert type(caught.value) is error


def test_client_id_is_ignored_in_the_other_forms() -> None:
    assert read_token_request(sent(BEARER | {"client_id": "anybody"})).proof.client_id is None
