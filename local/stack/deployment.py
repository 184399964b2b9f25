"""What a deployment makes of the template in the stack's AWS: parameters, the sessions of functions, resources."""

from collections.abc import Iterable, Mapping

from broker.caller.caller import IAM, INVOKE
from broker.policy.assembling import AssembleRule
from broker.policy.model import DEFAULT_CREDENTIAL, Policy, Rule
from broker.policy.signing import SignRule

from local.aws import services as aws
from local.aws.account import Principal, make_secret_arn
from local.aws.roles import Session, read_role
from local.aws.template import Resources
from local.stack.options import PARAMETERS
from local.stack.plan import StackInfo


def make_parameters(policy: Policy, known: Iterable[str]) -> dict[str, str]:
    """The template's parameters for this policy: each function may read what its rules name of the `known` credentials.

    A credential that no rule names is the broker's. A function whose rules name none may read the secret of `default`
    alone, as the template has it.
    """
    iam, invoke = (_name_credentials(policy.find_rules(entry)) for entry in (IAM, INVOKE))
    assembly = _name_credentials(policy.find_assemble_rules(INVOKE))
    named = {"Iam": iam, "Invoke": invoke, "Assembly": assembly}
    named["More"] = (
        {*policy.credentials} - {DEFAULT_CREDENTIAL} - ((iam | invoke | assembly) - _name_those_of_jwts(policy))
    )
    parameters = dict(PARAMETERS)
    for kind, wanted in named.items():
        credentials = [name for name in known if name in wanted]
        parameters[f"{kind}Credentials"] = ",".join(credentials)
        parameters[f"{kind}SecretArns"] = ",".join(make_secret_arn(aws.secret_name(name)) for name in credentials)
    return parameters


def _name_those_of_jwts(policy: Policy) -> set[str]:
    """The credentials that rules of callers with JWTs name."""
    entries = {*policy.rules, *policy.signing} - {IAM, INVOKE}
    token_rules = [rule for entry in entries for rule in policy.find_rules(entry)]
    sign_rules = [rule for entry in entries for rule in policy.find_sign_rules(entry)]
    return _name_credentials(token_rules) | _name_credentials(sign_rules)


def _name_credentials(rules: Iterable[Rule | SignRule | AssembleRule]) -> set[str]:
    return {rule.credential for rule in rules}


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
