"""What the Lambda environment tells the function; read once, by `wiring`. Nothing here can weaken a check."""

from collections.abc import Mapping

from broker.base.values import Value


class AwsAccess(Value, frozen=True):
    """The function's own AWS credentials, as Lambda hands them over, and its Region."""

    hidden = ("access_key", "secret_key", "session_token")

    region: str
    access_key: str
    secret_key: str
    session_token: str | None


def public_url(environment: Mapping[str, str]) -> str | None:
    """The broker's origin, as its callers see it; None where the deployment configures none."""
    return environment.get("PUBLIC_URL") or None


def shared_table(environment: Mapping[str, str]) -> str | None:
    """The name of the table that environments share; None where the deployment has none."""
    return environment.get("SHARED_TABLE") or None


def credential_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Which secret each credential of the policy is: its ARN or name, by the credential's name.

    From two lists in the same order, since CloudFormation can make a list of ARNs for IAM, and no mapping with it.
    Raises ValueError where they differ in length.
    """
    names, secrets = (environment.get(name, "").split(",") for name in ("CREDENTIALS", "CREDENTIAL_SECRETS"))
    return dict(zip(names, secrets, strict=True))


def aws_access(environment: Mapping[str, str]) -> AwsAccess:
    """From Lambda's reserved variables. Raises KeyError with the name of one that is missing.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
    """
    return AwsAccess(
        region=environment["AWS_REGION"],
        access_key=environment["AWS_ACCESS_KEY_ID"],
        secret_key=environment["AWS_SECRET_ACCESS_KEY"],
        session_token=environment.get("AWS_SESSION_TOKEN"),
    )
