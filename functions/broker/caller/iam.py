"""Callers with AWS credentials: what API Gateway's IAM authorizer says becomes a proof, and the proof a `Caller`."""

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

# Compiled at its first use: it takes 0.3 ms, and callers with a JWT do not need it.
_PRINCIPAL = (
    r"arn:(?P<partition>aws[a-z-]*):(?:sts::(?P<a>[0-9]{12}):assumed-role/(?P<role>[\w+=,.@-]+)/(?P<session>[\w+=,.@-]+)"
    r"|iam::(?P<b>[0-9]{12}):user/(?P<path>(?:[\x21-\x2e\x30-\x7e]+/)*)(?P<user>[\w+=,.@-]+))"
)


class IamProof(Value, frozen=True):
    """What API Gateway's IAM authorizer says of a request that it let through."""

    hidden = ("identity",)

    identity: Mapping[str, Any]
    label: ClassVar[str] = "iam"
    refusal: ClassVar[type[CallerRefused]] = CallerRefused


def read_iam_request(http: HttpRequest, event: Any) -> TokenRequest[IamProof]:
    """The request of an IAM principal. Raises BrokerFault where the gateway's IAM authorizer was not before it.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-access-control-iam.html
    """
    identity = event["requestContext"].get("authorizer", {}).get("iam")
    if not isinstance(identity, dict):
        raise BrokerFault("no IAM authorizer before this function")
    fields = read_form(http)
    if read_grant_type(fields) != CLIENT_CREDENTIALS:
        raise UnsupportedGrantType("grant_type", "This grant_type is not supported here; use client_credentials.")
    if "client_secret" in fields or any(name in fields for name in BODY_PROOFS):
        raise InvalidRequest("two proofs", "There is more than one proof.")
    return make_request(IamProof(identity), fields)


class IamIdentifier:
    """Believes API Gateway's IAM authorizer, which is before this function alone."""

    def identify(self, proof: IamProof, progress: Progress) -> Caller:
        """The IAM principal. Raises AccessDenied for root and for what is neither a role nor a user.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
        """
        identity = proof.identity
        progress.notes.issuer = IAM
        arn = re.fullmatch(_PRINCIPAL, str(identity.get("userArn")), re.ASCII)
        if arn is None:
            raise AccessDenied("neither a role nor a user")
        # A role's ARN as IAM has it, without the session, whose name its user chooses.
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
