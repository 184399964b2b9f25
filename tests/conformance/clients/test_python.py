"""Authlib and requests-oauthlib, unmodified: each grant, `private_key_jwt`, and refusals as their own error types."""

from typing import Any

import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import AssertionSession, OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from cryptography.hazmat.primitives import serialization
from joserfc.jwk import RSAKey
from oauthlib.oauth2 import BackendApplicationClient
from oauthlib.oauth2.rfc6749.errors import CustomOAuth2Error, InvalidScopeError, OAuth2Error
from requests_oauthlib import OAuth2Session as RequestsSession
from token_broker.jwt import KEY_FILE

from tests.conformance.clients.conftest import RSA_SERVICE, listed_assemblies
from tests.kit.jwts import Signer
from tests.kit.stacks import Client

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TYPE = "urn:ietf:params:oauth:token-type:jwt"


@pytest.fixture(autouse=True)
def _plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both libraries want https; the stack on one machine speaks http."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")


def pem(signer: Signer) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return str(signer.private.private_bytes(encoding, form, serialization.NoEncryption()).decode())


def url(stack: Client) -> str:
    return f"{stack.stack['broker_url']}/token"


@pytest.mark.parametrize("grant", [EXCHANGE, BEARER])
def test_authlib_gets_a_token_by_each_grant(stack: Client, grant: str) -> None:
    jwt = stack.jwt()
    shown = {EXCHANGE: {"subject_token": jwt, "subject_token_type": TYPE}, BEARER: {"assertion": jwt}}[grant]
    session = OAuth2Session(client_id="anybody", token_endpoint_auth_method="none")
    assert stack.api2.opens(session.fetch_token(url(stack), grant_type=grant, **shown)["access_token"])


def test_authlib_s_assertion_session_signs_a_grant_of_its_own(stack: Client) -> None:
    key = RSAKey.import_key((stack.folder / KEY_FILE).read_text())
    session = AssertionSession(
        token_endpoint=url(stack),
        issuer=stack.stack["issuer_url"],
        subject="alice",
        audience=stack.stack["audience"],
        grant_type=BEARER,
        claims={"groups": ["editors"]},
        key=key,
        header={"alg": "RS256"},
        scope="assemblies:read",
    )
    listed = session.get(f"{stack.stack['api2_url']}/assemblies")
    # Other tests of this stack may have made some.
    assert (listed.status_code, listed.json()) == (200, listed_assemblies(stack))


def test_authlib_gets_a_token_by_private_key_jwt_with_the_issuer_as_audience(
    stack: Client, rsa_service: Signer
) -> None:
    session = OAuth2Session(RSA_SERVICE, pem(rsa_service), token_endpoint_auth_method="private_key_jwt")
    session.register_client_auth_method(PrivateKeyJWT(stack.stack["broker_url"], alg="RS256"))
    token = session.fetch_token(url(stack), grant_type="client_credentials")
    assert token["scope"] == "assemblies:read queues:read"
    assert stack.api2.opens(token["access_token"])


def test_an_assertion_for_the_token_endpoint_is_refused(stack: Client, rsa_service: Signer) -> None:
    session = OAuth2Session(RSA_SERVICE, pem(rsa_service), token_endpoint_auth_method="private_key_jwt")
    session.register_client_auth_method(PrivateKeyJWT(url(stack), alg="RS256"))
    with pytest.raises(OAuthError) as raised:
        session.fetch_token(url(stack), grant_type="client_credentials")
    assert raised.value.error == "invalid_client"


@pytest.mark.parametrize(("changes", "error"), [({"groups": []}, "access_denied"), ({"exp": 1}, "invalid_grant")])
def test_authlib_turns_a_refusal_into_its_own_error(stack: Client, changes: dict[str, Any], error: str) -> None:
    session = OAuth2Session(client_id="anybody", token_endpoint_auth_method="none")
    with pytest.raises(OAuthError) as raised:
        session.fetch_token(url(stack), grant_type=BEARER, assertion=stack.jwt(**changes))
    assert raised.value.error == error
    assert raised.value.description


class Exchange(BackendApplicationClient):  # type: ignore[misc] # the library has no types
    grant_type = EXCHANGE


@pytest.mark.parametrize("include_client_id", [None, True])
def test_requests_oauthlib_sends_basic_without_a_password_of_itself(
    stack: Client, include_client_id: bool | None
) -> None:
    session = RequestsSession(client=Exchange("anybody"))
    token = session.fetch_token(
        url(stack), subject_token=stack.jwt(), subject_token_type=TYPE, include_client_id=include_client_id
    )
    assert stack.api2.opens(token["access_token"])


@pytest.mark.parametrize(
    ("fields", "kind", "error"),
    [
        ({"scope": "billing:read"}, InvalidScopeError, "invalid_scope"),
        ({"subject_token": "a.b.c"}, OAuth2Error, "invalid_request"),
        ({"aud": "mcp"}, CustomOAuth2Error, "invalid_target"),
    ],
    ids=str,
)
def test_requests_oauthlib_turns_a_refusal_into_its_own_error(
    stack: Client, fields: dict[str, str], kind: type[OAuth2Error], error: str
) -> None:
    session = RequestsSession(client=Exchange("anybody"))
    shown = {"subject_token": stack.jwt(), "subject_token_type": TYPE} | fields
    with pytest.raises(kind) as raised:
        session.fetch_token(url(stack), **shown)
    assert raised.value.error == error


def test_a_client_secret_is_refused(stack: Client) -> None:
    session = RequestsSession(client=Exchange("anybody"))
    with pytest.raises(OAuth2Error) as raised:
        session.fetch_token(url(stack), subject_token=stack.jwt(), subject_token_type=TYPE, client_secret="a secret")
    assert raised.value.error == "invalid_client"
