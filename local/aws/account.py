"""The AWS account of the stack on one machine, and the only principal in it."""

import secrets
from dataclasses import dataclass, field
from typing import Any

REGION, ACCOUNT = "us-east-1", "123456789012"
STACK = "local"  # its name in CloudFormation


@dataclass(frozen=True, slots=True)
class Principal:
    """A role's session and its signing key. The functions use it, and so does a caller that signs with SigV4."""

    access_key: str
    secret_key: str = field(repr=False)

    @classmethod
    def new(cls) -> "Principal":
        return cls(f"AKIA{secrets.token_hex(8).upper()}", secrets.token_hex(20))

    def variables(self) -> dict[str, str]:
        """The environment variables by which the principal's processes find their region and credentials.

        https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
        """
        return {
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }

    def identity(self) -> dict[str, Any]:
        """The `authorizer.iam` block of an event.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-access-control-iam.html
        """
        user_id = "AROALOCAL:local-session"
        return {
            "accessKey": self.access_key,
            "accountId": ACCOUNT,
            "callerId": user_id,
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": f"arn:aws:sts::{ACCOUNT}:assumed-role/local-role/local-session",
            "userId": user_id,
        }
