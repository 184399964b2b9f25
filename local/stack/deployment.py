"""What a deployment makes of the template in the stack's AWS: parameters, the sessions of functions, resources."""

from collections.abc import Iterable, Mapping

from broker.caller.caller import IAM, INVOKE
from broker.policy.model import DEFAULT_CREDENTIAL, Policy

from local.aws import services as aws
from local.aws.account import Principal, make_secret_arn
from local.aws.roles import Session, read_role
from local.aws.template import Resources
from local.stack.options import PARAMETERS
from local.stack.plan import StackInfo


def make_parameters(policy: Policy, known: Iterable[str]) -> dict[str, str]:
    """The template's parameters for this policy: each function may read what its rules name of the `known` credentials.

    Where a function's rules name none, the template's default holds: it may read the secret of `default` alone.
    """
    named = {
        "More": {*policy.credentials} - {DEFAULT_CREDENTIAL},
        "Iam": {rule.credential for rule in policy.find_rules(IAM)},
        "Invoke": {rule.credential for rule in policy.find_rules(INVOKE)},
        "Assembly": {rule.credential for rule in policy.find_assemble_rules(INVOKE)},
    }
    parameters = dict(PARAMETERS)
    for kind, wanted in named.items():
        credentials = [name for name in known if name in wanted]
        parameters[f"{kind}Credentials"] = ",".join(credentials)
        parameters[f"{kind}SecretArns"] = ",".join(make_secret_arn(aws.secret_name(name)) for name in credentials)
    return parameters


def make_sessions(resources: Resources) -> dict[str, Session]:
    """A session with new credentials for each of the template's functions, by its logical id."""
    names = [name for name, entry in resources.items() if entry["Type"] == "AWS::Lambda::Function"]
    return {name: Session(name, Principal.new(), read_role(resources, name)) for name in names}


def create_resources(info: StackInfo, resources: Resources, pairs: Mapping[str, tuple[str, str]]) -> None:
    """Create the template's resources, and what an operator adds. `pairs`: Auth Key and Auth Secret by credential."""
    secrets, database, queues, storage = (
        aws.client(name, info.aws_endpoint_url, info.principal) for name in ("secretsmanager", "dynamodb", "sqs", "s3")
    )
    aws.create_secrets(secrets, resources, pairs)
    aws.create_tables(resources, database)
    aws.create_queues(queues, resources)
    if aws.QUEUE in resources:
        aws.create_buckets(storage, PARAMETERS["AssemblyBuckets"].split(","))
