"""A policy for an environment: a rule's credential must be one that the function of its callers may read."""

from pathlib import Path

import pytest
from token_broker.deployment import Environment
from token_broker.policy.compiler import compile_policy
from token_broker.policy.document import PolicyErrors

POLICY = """
version: 1
credentials: {default: {}, shop: {workspace: acme}}
issuers: {nightly: {issuer: nightly, audiences: [us], algorithms: [RS256], keys: {url: "https://a.example/keys"}}}
rules:
  - {name: one, issuer: ISSUER, when: {sub: job}, credential: shop, GIVES}
"""
SCOPES = "scopes: [queues:read]"
ASSEMBLE = 'assemble: {encode: {template_id: "0123456789abcdef0123456789abcdef"}}'
KNOWN = {"MoreCredentials": "shop", "MoreSecretArns": "arn:1"}
ON = {"IamCallers": "yes", "InvokeCaller": "job", "AssemblyCaller": "job"}
# Issuer, what the rule gives, and what the two parameters of its function begin with.
RULES = [("nightly", SCOPES, "More"), ("aws-iam", SCOPES, "Iam"), ("invoke", SCOPES, "Invoke")]
RULES.append(("invoke", ASSEMBLE, "Assembly"))
OTHERS = RULES[1:]


def problems(issuer: str, gives: str, parameters: dict[str, str]) -> str:
    """What is wrong with the policy of one rule in an environment with these parameters."""
    environment = Environment("prod", Path("policy.yaml"), "broker", None, parameters)
    text = POLICY.replace("ISSUER", issuer).replace("GIVES", gives).replace("sub: job", _condition(issuer))
    try:
        compile_policy(text, "policy.yaml", environment=environment)
    except PolicyErrors as errors:
        return str(errors)
    return ""


def _condition(issuer: str) -> str:
    return 'account: "123456789012", role: job' if issuer == "aws-iam" else "sub: job"


@pytest.mark.parametrize(("issuer", "gives", "function"), RULES)
def test_a_credential_that_its_function_may_read_is_taken(issuer: str, gives: str, function: str) -> None:
    own = {f"{function}Credentials": "shop", f"{function}SecretArns": "arn:1"}
    assert problems(issuer, gives, ON | own) == ""


@pytest.mark.parametrize(("issuer", "gives", "function"), OTHERS)
def test_a_credential_of_another_function_is_an_error_that_names_the_parameters(
    issuer: str, gives: str, function: str
) -> None:
    assert problems(issuer, gives, ON | KNOWN) == (
        f"policy.yaml:6:{_column(issuer)}: error: "
        "the environment `prod` does not let this rule's function read `shop`: "
        f"add it to {function}Credentials, and its ARN to {function}SecretArns, in samconfig.toml"
    )


def _column(issuer: str) -> int:
    line = POLICY.replace("ISSUER", issuer).replace("sub: job", _condition(issuer)).splitlines()[5]
    return line.index("shop") + 1


def test_callers_with_a_jwt_get_no_credential_of_pipelines_alone() -> None:
    found = problems("nightly", SCOPES, {"AssemblyCredentials": "shop", "AssemblySecretArns": "arn:1"})
    assert "add it to MoreCredentials, and its ARN to MoreSecretArns" in found


@pytest.mark.parametrize(("issuer", "gives", "function"), OTHERS)
def test_a_rule_of_a_function_that_is_not_deployed_needs_nothing(issuer: str, gives: str, function: str) -> None:
    assert problems(issuer, gives, KNOWN) == ""


@pytest.mark.parametrize(("issuer", "gives", "function"), RULES)
def test_without_any_secret_the_credential_is_the_one_problem(issuer: str, gives: str, function: str) -> None:
    found = problems(issuer, gives, ON).splitlines()
    assert len(found) == 1
    assert found[0].startswith("policy.yaml:3:")
    assert f"add it to {function}Credentials, and its ARN to {function}SecretArns" in found[0]
