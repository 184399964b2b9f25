"""Callers with AWS credentials, as API Gateway's IAM authorizer describes them."""

from typing import Any

import pytest
from broker.base.audit import Notes
from broker.base.errors import AccessDenied, BrokerFault, InvalidRequest, UnsupportedGrantType
from broker.base.progress import Deadline, Progress
from broker.caller.caller import Caller
from broker.caller.iam import IamIdentifier, IamProof, read_iam_request

from tests.kit.clock import Clock
from tests.kit.forms import ASSERTION, EXCHANGE, form, http, sent


def iam(**changes: Any) -> dict[str, Any]:
    return {"requestContext": {"authorizer": {"iam": {"userArn": "x"}}} | changes}


def test_an_iam_request_holds_what_the_authorizer_said() -> None:
    request = read_iam_request(http(form(scope="a:read")), iam())
    assert (request.proof.identity, request.proof.label) == ({"userArn": "x"}, "iam")
    assert request.scopes == {"a:read"}


@pytest.mark.parametrize("block", [{}, {"jwt": {}}, {"iam": None}, {"iam": "text"}])
def test_an_event_without_the_iam_authorizer_s_block_is_a_fault(block: dict[str, Any]) -> None:
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


ROLE = {
    "accessKey": "ASIA",
    "accountId": "123456789012",
    "callerId": "AROAEXAMPLE:session-7",
    "cognitoIdentity": None,
    "principalOrgId": "o-abc",
    "userArn": "arn:aws:sts::123456789012:assumed-role/nightly/session-7",
    "userId": "AROAEXAMPLE:session-7",
}


def identify(**changes: Any) -> Caller:
    return IamIdentifier().identify(IamProof(ROLE | changes), Progress(Deadline(Clock(), 15), Notes()))


def test_a_role_is_identified_by_its_arn_without_the_session() -> None:
    caller = identify()
    assert (caller.entry, caller.subject) == ("aws-iam", "arn:aws:iam::123456789012:role/nightly")
    assert caller.claims == {
        "sub": "arn:aws:iam::123456789012:role/nightly",
        "account": "123456789012",
        "type": "role",
        "role": "nightly",
        "principal_id": "AROAEXAMPLE",
        "org_id": "o-abc",
        "session": "session-7",
        "cognito": False,
    }


def test_a_user_is_identified_by_its_arn_with_its_path() -> None:
    caller = identify(
        userArn="arn:aws-cn:iam::123456789012:user/division/bob", userId="AIDAEXAMPLE", principalOrgId=None
    )
    assert caller.subject == "arn:aws-cn:iam::123456789012:user/division/bob"
    assert (caller.claims["type"], caller.claims["user"]) == ("user", "bob")
    assert not {"role", "session", "org_id"} & caller.claims.keys()


def test_an_identity_of_cognito_is_marked() -> None:
    assert identify(cognitoIdentity={"identityId": "x"}).claims["cognito"] is True


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::123456789012:root",
        "arn:aws:sts::123456789012:federated-user/bob",
        "arn:aws:sts::123456789012:assumed-role/nightly",
        "arn:aws:sts::123456789012:assumed-role/a/b/c",
        "arn:aws:iam::123456789012:role/nightly",
        "arn:aws:iam::1234:user/bob",
        "arn:aws:iam::123456789012:user/bob\n",
        "arn:aws:iam::123456789012:user/",
        "",
        None,
        5,
    ],
    ids=repr,
)
def test_root_and_what_is_neither_role_nor_user_is_refused(arn: Any) -> None:
    with pytest.raises(AccessDenied):
        identify(userArn=arn)
