"""The AWS account of a deployment, reached with the credentials of the shell."""

from typing import Any

from token_broker.deployment import Environment


class NotLoggedIn(Exception):
    """The shell has no credentials of an AWS account; the message says what to do."""


def check_login() -> None:
    """Raises NotLoggedIn if the shell has no credentials. Expired ones are noticed only by the first call to AWS."""
    # Imported here: loading boto3 takes longer than any command that does not need AWS.
    import boto3

    if boto3.Session().get_credentials() is None:
        raise NotLoggedIn(
            "this shell has no AWS credentials: log in with `aws sso login` or `aws login`, or set AWS_PROFILE"
        )


def client(service: str, environment: Environment) -> Any:
    """A boto3 client of a service in the environment's Region. Raises NotLoggedIn."""
    import boto3

    check_login()
    connect: Any = boto3.client
    return connect(service, region_name=environment.region)


def read_outputs(environment: Environment) -> dict[str, str]:
    """Read the outputs of the environment's stack. Raises NotLoggedIn, BotoCoreError, ClientError."""
    (stack,) = client("cloudformation", environment).describe_stacks(StackName=environment.stack_name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
