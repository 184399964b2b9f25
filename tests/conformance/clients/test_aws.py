"""JWTs of Cognito and of AWS STS, each by its preset; and a request signed by AWS's own SDK."""

from typing import Any

import pytest

from tests.conformance.clients.conftest import AUDIENCE, STS_ISSUER, Pool
from tests.kit.forms import form
from tests.kit.jwts import Signer
from tests.kit.stacks import Client


def test_a_cognito_id_token_is_recognised_by_its_audience(stack: Client, pool: Pool) -> None:
    answer = stack.post(pool.id_token)
    assert (answer.status, answer.body["scope"]) == (200, "assemblies:read templates:read")


def test_a_cognito_access_token_has_no_audience_and_is_recognised_by_its_client(stack: Client, pool: Pool) -> None:
    answer = stack.post(pool.access_token)
    assert (answer.status, answer.body["scope"]) == (200, "assemblies:read dam:read")


def test_the_two_tokens_of_cognito_do_not_pass_as_one_another(stack: Client, pool: Pool) -> None:
    for shown, rule in ((pool.id_token, "people"), (pool.access_token, "machines")):
        answer = stack.post(shown)
        assert stack.record_of(answer)["rules"] == rule
    # Each is refused the scopes that the other kind gives.
    assert stack.post(pool.id_token, scope="dam:read").body["error"] == "invalid_scope"
    assert stack.post(pool.access_token, scope="templates:read").body["error"] == "invalid_scope"


def web_identity(sts: Signer, stack: Client, **changes: Any) -> str:
    """As documented for `sts:GetWebIdentityToken`."""
    namespace: dict[str, Any] = {
        "aws_account": "123456789012",
        "source_region": "us-east-1",
        "org_id": "o-a1b2c3d4e5",
        "principal_tags": {"team": "media"},
        "lambda_source_function_arn": "arn:aws:lambda:us-east-1:123456789012:function:nightly",
    }
    claims = {
        "iss": STS_ISSUER,
        "aud": AUDIENCE,
        "sub": "arn:aws:iam::123456789012:role/nightly",
        "iat": stack.now,
        "exp": stack.now + 300,
        "jti": "0b0a6d1e-8f6f-4a32-a6a9-6f6f4c1f2a3b",
        "https://sts.amazonaws.com/": namespace | changes,
    }
    return sts.jwt(claims)


def test_an_sts_web_identity_token_is_recognised_by_claims_under_a_url(stack: Client, sts: Signer) -> None:
    answer = stack.post(web_identity(sts, stack))
    assert (answer.status, answer.body["scope"]) == (200, "assemblies:read auth_keys:read")
    assert stack.api2.opens(answer.body["access_token"])


@pytest.mark.parametrize(("account", "status"), [("210987654321", 403), (123456789012, 403), (None, 401)])
def test_an_sts_token_of_another_account_is_refused(stack: Client, sts: Signer, account: Any, status: int) -> None:
    # Without an account the issuer's own requirement fails; with another no rule matches.
    assert stack.post(web_identity(sts, stack, aws_account=account)).status == status


def test_the_iam_route_takes_what_botocore_signs(stack: Client) -> None:
    body = form().encode()
    answer = stack.signed("POST", "/iam/token", body)
    assert (answer.status, answer.body["scope"]) == (200, "assemblies:read smart_cdn:sign")
    assert stack.api2.opens(answer.body["access_token"])
