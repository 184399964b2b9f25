"""The project's own Python client, with each identity that the stack can be asked by."""

import asyncio
import json
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import httpx2
import pytest
import requests
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from token_broker_client import TokenProvider, command, environment, file, iam, private_key
from token_broker_client import github as github_job
from token_broker_client import sts as by_sts

from tests.conformance.clients.conftest import AUDIENCE, RSA_SERVICE, SERVICE, STS_ISSUER
from tests.kit.jwts import Signer
from tests.kit.stacks import Client
from tests.kit.token_server import Call, token_server


def provider(stack: Client, identity: object) -> TokenProvider:
    return TokenProvider(stack.stack["broker_url"], identity, endpoint=stack.stack["api2_url"])  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRANSLOADIT_ENDPOINT", raising=False)


@pytest.mark.parametrize("kind", ["file", "command", "environment", "function"])
def test_a_jwt_from_anywhere_gets_a_token(
    kind: str, stack: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jwt").write_text(stack.jwt())
    monkeypatch.setenv("MY_JWT", stack.jwt())
    identity = {
        "file": file(tmp_path / "jwt"),
        "command": command([sys.executable, "-c", f"print(open({str(tmp_path / 'jwt')!r}).read())"]),
        "environment": environment("MY_JWT"),
        "function": stack.jwt,
    }[kind]
    assert stack.api2.opens(provider(stack, identity)())


@pytest.mark.parametrize(("name", "key_id"), [(SERVICE, "service-1"), (RSA_SERVICE, None)])
def test_a_private_key_gets_a_token_by_private_key_jwt(
    name: str, key_id: str | None, stack: Client, service: Signer, rsa_service: Signer, tmp_path: Path
) -> None:
    signer = {SERVICE: service, RSA_SERVICE: rsa_service}[name]
    key = tmp_path / "key.pem"
    key.write_bytes(signer.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    asked = provider(stack, private_key(key, name, key_id=key_id))
    assert stack.api2.opens(asked())


def test_an_aws_role_gets_a_token_by_a_signed_request(stack: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", stack.principal.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", stack.principal.secret_key)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert stack.api2.opens(provider(stack, iam())())


def test_an_aws_role_gets_a_token_by_a_jwt_of_sts(stack: Client, sts: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 as it is, with an endpoint on loopback that answers as the API's reference page shows."""
    with token_server() as endpoint:

        def answer(call: Call) -> tuple[int, dict[str, str], bytes]:
            asked = parse_qs(call.body)
            assert (asked["Action"], asked["Audience.member.1"]) == (["GetWebIdentityToken"], [AUDIENCE])
            claims = stack.claims(
                iss=STS_ISSUER,
                sub="arn:aws:iam::123456789012:role/nightly",
                aud=asked["Audience.member.1"][0],
                groups=None,
                **{"https://sts.amazonaws.com/": {"aws_account": "123456789012"}},
            )
            token = escape(sts.jwt(claims))
            return 200, {"content_type": "text/xml"}, WEB_IDENTITY.format(token=token).encode()

        endpoint.answer = answer
        for name, value in (("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b"), ("REGION", "us-east-1")):
            monkeypatch.setenv(f"AWS_{name}", value)
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", endpoint.origin)
        assert stack.api2.opens(provider(stack, by_sts(AUDIENCE))())


def test_a_github_job_gets_a_token_for_the_audience_that_it_asks_for(
    stack: Client, github: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub's service is on loopback, and answers as its documentation shows."""
    with token_server() as service:

        def answer(call: Call) -> tuple[int, dict[str, str], bytes]:
            assert call.headers["authorization"] == "bearer of-the-runner"
            (audience,) = parse_qs(urlsplit(call.path).query)["audience"]
            claims = {
                "iss": "https://token.actions.githubusercontent.com",
                "sub": "repo:acme@42/site@4711:ref:refs/heads/main",
                "repository_id": "4711",
                "ref": "refs/heads/main",
            }
            jwt = github.jwt(stack.claims(**claims, aud=audience, groups=None))
            return 200, {}, json.dumps({"value": jwt}).encode()

        service.answer = answer
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{service.origin}/token?api-version=2.0")
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of-the-runner")
        assert stack.api2.opens(provider(stack, github_job(AUDIENCE))())


WEB_IDENTITY = """<GetWebIdentityTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetWebIdentityTokenResult>
<WebIdentityToken>{token}</WebIdentityToken><Expiration>2026-11-25T00:00:00Z</Expiration>
</GetWebIdentityTokenResult></GetWebIdentityTokenResponse>"""


def test_requests_httpx2_and_asyncio_use_one_token_for_api2(stack: Client) -> None:
    shared = provider(stack, stack.jwt)
    url = f"{stack.stack['api2_url']}/assemblies"
    assert requests.get(url, auth=shared.auth, timeout=20).status_code == 200
    assert httpx2.get(url, auth=shared.auth).status_code == 200

    async def ask() -> list[int]:
        async with httpx2.AsyncClient(auth=shared.async_auth) as client:
            return [answer.status_code for answer in await asyncio.gather(*(client.get(url) for _ in range(5)))]

    assert asyncio.run(ask()) == [200] * 5
