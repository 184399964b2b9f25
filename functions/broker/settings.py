"""What the Lambda environment tells the function; read once, by `wiring`. Nothing here can weaken a check."""

from collections.abc import Mapping

from broker.values import Value


class AwsAccess(Value, frozen=True):
    """The function's own AWS credentials, as Lambda hands them over, and its Region."""

    hidden = ("access_key", "secret_key", "session_token")

    region: str
    access_key: str
    secret_key: str
    session_token: str | None


def shared_table(environment: Mapping[str, str]) -> str | None:
    """The name of the table that environments share; None where the deployment has none."""
    return environment.get("SHARED_TABLE") or None


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
