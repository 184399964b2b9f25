"""Callers with AWS credentials: the statement of API Gateway's IAM authorizer is the proof, and becomes a `Caller`."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from broker.base.errors import AccessDenied, BrokerFault, CallerRefused, InvalidRequest, UnsupportedGrantType
from broker.base.progress import Progress
from broker.base.values import Value
from broker.caller.caller import IAM, Caller
from broker.request.http import HttpRequest, read_form
from broker.request.proof import BODY_PROOFS, CLIENT_CREDENTIALS, read_grant_type
from broker.request.request import TokenRequest, make_request

# Groups `a` and `b` hold the account. Compiled at its first use: that takes 0.3 ms, and callers with a JWT need none.
_PRINCIPAL = (
    r"arn:(?P<partition>aws[a-z-]*):(?:sts::(?P<a>[0-9]{12}):assumed-role/(?P<role>[\w+=,.@-]+)/(?P<session>[\w+=,.@-]+)"
    r"|iam::(?P<b>[0-9]{12}):user/(?P<path>(?:[\x21-\x2e\x30-\x7e]+/)*)(?P<user>[\w+=,.@-]+))"
)


class IamProof(Value, frozen=True):
    """The caller's identity as API Gateway's IAM authorizer states it."""

    hidden = ("identity",)

    identity: Mapping[str, Any]
    label: ClassVar[str] = "iam"
    refusal: ClassVar[type[CallerRefused]] = CallerRefused


def read_iam_request(http: HttpRequest, event: Any) -> TokenRequest[IamProof]:
    """The request of an IAM principal. Raises BrokerFault if no IAM authorizer is in front of the function.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-access-control-iam.html
    """
    # A route without the authorizer would let everybody in. Only the gateway can write this part of the event, so its
    # absence is a fault of the deployment, and not a refusal that somebody may overlook.
    identity = event["requestContext"].get("authorizer", {}).get("iam")
    if not isinstance(identity, dict):
        raise BrokerFault("no IAM authorizer before this function")
    fields = read_form(http)
    if read_grant_type(fields) != CLIENT_CREDENTIALS:
        raise UnsupportedGrantType("grant_type", "This grant_type is not supported here; use client_credentials.")
    # Two proofs may be of two callers, and readers of the record would not know which one was believed.
    if "client_secret" in fields or any(name in fields for name in BODY_PROOFS):
        raise InvalidRequest("two proofs", "There is more than one proof.")
    return make_request(IamProof(identity), fields)


class IamIdentifier:
    """Trusts API Gateway's IAM authorizer, which verifies the signature (SigV4) of each request to this function."""

    def identify(self, proof: IamProof, progress: Progress) -> Caller:
        """The IAM principal. Raises AccessDenied for the root user, and for anything else that is no role and no user.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
        """
        identity = proof.identity
        progress.notes.issuer = IAM
        arn = re.fullmatch(_PRINCIPAL, str(identity.get("userArn")), re.ASCII)
        if arn is None:
            raise AccessDenied("neither a role nor a user")
        # The principal that assumes a role chooses the name of the session, so a rule on it protects nothing. The
        # subject is the role's own ARN, and the session is a claim beside it.
        kind, name = ("role", arn["role"]) if arn["role"] else ("user", arn["user"])
        account = arn["a"] or arn["b"]
        subject = f"arn:{arn['partition']}:iam::{account}:{kind}/{arn['path'] or ''}{name}"
        progress.notes.subject = subject
        claims = {
            "sub": subject,
            "account": account,
            "type": kind,
            kind: name,
            "principal_id": str(identity.get("userId")).partition(":")[0],
            "org_id": identity.get("principalOrgId"),
            "session": arn["session"],
            "cognito": identity.get("cognitoIdentity") is not None,
        }
        present = {claim: value for claim, value in claims.items() if value is not None}
        return Caller(IAM, IAM, subject, present)
