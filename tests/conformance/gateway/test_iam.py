"""Routes behind API Gateway's IAM authorizer."""

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.kit.forms import FORM
from tests.kit.gateways import PRINCIPAL, gateway

# The page is http-api-access-control-iam.html of the guide.


def signed(
    origin: str, body: bytes = b"a=1", *, access_key: str = PRINCIPAL.access_key, region: str = "us-east-1"
) -> dict[str, str]:
    """The headers of a request that AWS's own SDK signed."""
    request = AWSRequest("POST", f"{origin}/iam/token", headers={"content-type": FORM}, data=body)
    SigV4Auth(Credentials(access_key, PRINCIPAL.secret_key), "execute-api", region).add_auth(request)
    return dict(request.headers.items())


def test_a_signed_request_becomes_an_event_with_its_signer() -> None:
    with gateway() as running:
        event = running.event("POST", "/iam/token", body=b"a=1", headers=signed(running.origin))
    identity = event["requestContext"]["authorizer"]["iam"]
    assert identity.keys() == {
        "accessKey",
        "accountId",
        "callerId",
        "cognitoIdentity",
        "principalOrgId",
        "userArn",
        "userId",
    }
    assert identity["userArn"] == "arn:aws:sts::123456789012:assumed-role/local-role/local-session"


@pytest.mark.parametrize(
    "changes",
    [
        {"Authorization": None},
        {"Authorization": "Bearer a.b.c"},
        {"X-Amz-Date": "20200101T000000Z"},
        {"X-Amz-Date": "now"},
        {"content-type": "text/plain"},
        {"X-Amz-Content-SHA256": "0" * 64},
    ],
    ids=str,
)
def test_a_request_without_a_valid_signature_is_forbidden_and_not_invoked(changes: dict[str, str | None]) -> None:
    with gateway() as running:
        headers = signed(running.origin) | changes
        sent = {name: value for name, value in headers.items() if value is not None}
        answer = running.send("POST", "/iam/token", body=b"a=1", headers=sent)
        assert (answer.status, answer.data, running.function.events) == (403, b'{"message": "Forbidden"}', [])


def test_another_body_key_region_or_path_is_forbidden() -> None:
    with gateway() as running:
        for headers, body, path in (
            (signed(running.origin), b"a=2", "/iam/token"),
            (signed(running.origin), b"a=1", "/iam/token?x=1"),
            (signed(running.origin, access_key="AKIAOTHER"), b"a=1", "/iam/token"),
            (signed(running.origin, region="eu-west-1"), b"a=1", "/iam/token"),
        ):
            assert running.send("POST", path, body=body, headers=headers).status == 403


def test_a_route_without_iam_never_has_an_identity() -> None:
    with gateway() as running:
        event = running.event("POST", "/token", body=b"a=1", headers=signed(running.origin))
    assert "authorizer" not in event["requestContext"]
