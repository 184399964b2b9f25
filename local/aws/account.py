"""The AWS account of the stack on one machine, its principals, and the names of what it holds."""

import secrets
from dataclasses import dataclass, field
from typing import Any

REGION, ACCOUNT = "us-east-1", "123456789012"
STACK = "local"  # its name in CloudFormation


def make_arn(service: str, resource: str) -> str:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html"""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


# Secrets Manager puts six random characters behind a secret's name. Here they are always these, so that the ARN of a
# secret is known before it is made.
ARN_SUFFIX = "AbCdEf"


def make_secret_arn(name: str) -> str:
    return make_arn("secretsmanager", f"secret:{name}-{ARN_SUFFIX}")


def make_queue_url(name: str) -> str:
    return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"


@dataclass(frozen=True, slots=True)
class Principal:
    """A session and its signing key: of the stack's operator, who may do everything, or of a function's role."""

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
