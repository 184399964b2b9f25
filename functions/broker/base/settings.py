"""The variables by which a deployment configures the function, read once, at its start. None can weaken a check."""

from collections.abc import Mapping

from broker.base.values import Value


class Settings(Value, frozen=True):
    """Every variable that the template or Lambda sets, but the trace, which is another one in each invocation."""

    hidden = ("aws_access",)

    service: str  # the dimension of every metric, which tells deployments apart
    public_url: str | None  # the broker's origin, as its callers see it
    caller_name: str  # the caller that invokes a function directly; empty in all functions but that one
    shared_table: str | None  # the name of the table that environments share
    function_name: str  # Lambda's name of this function
    pipeline_secret: str  # the ARN or name of the pipeline key's secret; empty where nothing needs it
    assembly_template: str  # the policy's name of the Assembly that an S3 event makes; empty where none does
    assembly_buckets: frozenset[str]  # the buckets whose events count
    dead_letter_queue: str | None  # the URL of the queue for messages that no retry helps
    max_receives: int  # how often SQS hands a message to the function at most
    secret_ids: Mapping[str, str]  # by a credential's name, the ARN or name of its secret
    aws_access: Mapping[str, str | None]  # the keywords of boto3.Session: Region and credentials


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings of this environment.

    Raises KeyError with the name of a variable that is missing, and ValueError where the lists of credentials and of
    their secrets differ in length. CloudFormation can make a list of ARNs for IAM and no mapping, so there are two
    lists in the same order.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
    """
    names, secrets = (environment.get(name, "").split(",") for name in ("CREDENTIALS", "CREDENTIAL_SECRETS"))
    return Settings(
        service=environment["POWERTOOLS_SERVICE_NAME"],
        # CloudFormation sets a variable of a part that is not deployed to an empty text.
        public_url=environment.get("PUBLIC_URL") or None,
        caller_name=environment.get("CALLER_NAME", ""),
        shared_table=environment.get("SHARED_TABLE") or None,
        function_name=environment.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        pipeline_secret=environment.get("PIPELINE_SECRET", ""),
        assembly_template=environment.get("ASSEMBLY_TEMPLATE", ""),
        assembly_buckets=frozenset(environment.get("ASSEMBLY_BUCKETS", "").split(",")) - {""},
        dead_letter_queue=environment.get("DEAD_LETTER_QUEUE") or None,
        max_receives=int(environment.get("MAX_RECEIVES") or 1),
        secret_ids=dict(zip(names, secrets, strict=True)),
        aws_access={
            "region_name": environment["AWS_REGION"],
            "aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
            "aws_session_token": environment.get("AWS_SESSION_TOKEN"),
        },
    )
