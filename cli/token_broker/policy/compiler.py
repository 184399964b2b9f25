"""Compiles a trust policy from YAML to the file that the function reads: checked, tested, the same bytes every time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from broker.caller.caller import IAM
from broker.policy.model import ALL, Policy, load
from broker.policy.model import Issuer as CompiledIssuer
from broker.policy.model import Rule as CompiledRule
from pydantic import ValidationError

from token_broker.deployment import Environment
from token_broker.policy import cases, checks, errors, filling
from token_broker.policy.assemble.checks import check_assemble, check_pipelines
from token_broker.policy.assemble.compiler import compile_assemble_rule
from token_broker.policy.conditions import compile_conditions
from token_broker.policy.document import Document, Path, PolicyErrors, Problem, read
from token_broker.policy.encoding import encode
from token_broker.policy.forms import check_forms
from token_broker.policy.lint import Opinion, opinions
from token_broker.policy.model import InlineKeys, Issuer, KeyUrl, ScopeRule, TrustPolicy
from token_broker.policy.sign.checks import check_sign
from token_broker.policy.sign.compiler import compile_sign_rule

UPSTREAM = "https://api2.transloadit.com"
CDN = "https://{workspace}.tlcdn.com"  # Smart CDN's, with the name of the Workspace in its place


@dataclass(frozen=True, slots=True)
class Local:
    """The additions to a policy for the stack on one machine: the URLs of its api2, AWS and Smart CDN, and its
    variables.

    Such a policy admits issuers over http on this machine. In an account anybody who runs a server there could be that
    issuer, so only `make up` makes one, and the build refuses it.
    """

    upstream: str
    aws_endpoint: str
    variables: Mapping[str, str] = field(default_factory=dict)
    cdn_url: str = CDN


@dataclass(frozen=True, slots=True)
class Compiled:
    """`data` is the file that the function reads, and `policy` the value that it reads from it."""

    data: bytes
    policy: Policy
    rules: int
    issuers: int
    tests: int
    warnings: tuple[Problem, ...] = ()


def compile_policy(
    text: str, file: str, local: Local | None = None, *, environment: Environment | None = None
) -> Compiled:
    """Compile the policy in `text`. `file` names it in errors. Raises PolicyErrors with all problems that were found.

    `environment`: the environment that it is for, which must have what the policy needs. The local stack has it.
    """
    document = read(text, file)
    if local is not None:
        document.value = _fill_variables(document.value, local.variables)
    document.value, misused = filling.fill_presets(document.value)
    _refuse(document, file, misused)
    model = _parse_model(document, file)
    found = [*checks.find_variables(("issuers",), document.value.get("issuers"))]
    found += checks.check(model, local=local is not None)
    found += [*check_sign(model), *check_assemble(model), *check_forms(model)]
    if local is None:
        found += checks.check_environment(model, environment)
    if environment is not None:
        found += check_pipelines(model, environment)
    _refuse(document, file, found)
    found_opinions = opinions(model)
    warnings = _locate(document, [opinion for opinion in found_opinions if not opinion.is_grave])
    if grave := _locate(document, [opinion for opinion in found_opinions if opinion.is_grave]):
        raise PolicyErrors(file, list(grave), warnings)
    data = _compile(model, local)
    # Read the file as the function will. It decodes rules at the first request only, so do it here for each entry: a
    # file that cannot be read must stop the build, and not the first caller.
    policy = load(data)
    for entry in policy.rules:
        policy.find_rules(entry)
    for entry in policy.signing:
        policy.find_sign_rules(entry)
    for entry in policy.assembling:
        policy.find_assemble_rules(entry)
    _refuse(document, file, cases.run_all(model.tests, policy))
    return Compiled(data, policy, len(model.rules), len(model.issuers), len(model.tests), warnings)


def _locate(document: Document, found: list[Opinion]) -> tuple[Problem, ...]:
    return tuple(sorted(Problem(*document.find_place(each.path), each.message, each.code) for each in found))


def _refuse(document: Document, file: str, found: Iterable[tuple[Path, str]]) -> None:
    problems = [Problem(*document.find_place(path), message) for path, message in found]
    if problems:
        raise PolicyErrors(file, problems)


def _parse_model(document: Document, file: str) -> TrustPolicy:
    try:
        return TrustPolicy.model_validate(document.value)
    except ValidationError as error:
        raise PolicyErrors(file, errors.problems(error, document)) from None


def _fill_variables(value: Any, variables: Mapping[str, str]) -> Any:
    """The value with the local stack's variables replaced in every text."""
    if isinstance(value, str):
        for name, text in variables.items():
            value = value.replace(f"${{{name}}}", text)
        return value
    if isinstance(value, dict):
        return {key: _fill_variables(item, variables) for key, item in value.items()}
    return [_fill_variables(item, variables) for item in value] if isinstance(value, list) else value


def _compile(model: TrustPolicy, local: Local | None) -> bytes:
    cdn_url = local.cdn_url if local else CDN
    return encode(
        credentials=model.credentials,
        issuers=[_compile_issuer(name, issuer) for name, issuer in model.issuers.items()],
        rules=[_compile_rule(rule) for _, rule in model.scope_rules],
        sign_rules=[
            compile_sign_rule(rule, model.credentials[rule.credential], cdn_url) for _, rule in model.sign_rules
        ],
        assemble_rules=[
            compile_assemble_rule(rule, model.credentials[rule.credential]) for _, rule in model.assemble_rules
        ],
        upstream=local.upstream if local else UPSTREAM,
        aws_endpoint=local.aws_endpoint if local else None,
        is_local=local is not None,
    )


def _compile_issuer(name: str, issuer: Issuer) -> CompiledIssuer:
    return CompiledIssuer(
        name=name,
        issuer=issuer.issuer,
        audiences=frozenset(issuer.audiences),
        algorithms=frozenset(issuer.algorithms),
        jwks=issuer.keys.jwks if isinstance(issuer.keys, InlineKeys) else None,
        keys_url=issuer.keys.url if isinstance(issuer.keys, KeyUrl) else None,
        max_age=issuer.max_age,
        leeway=issuer.leeway,
        require=compile_conditions(issuer.require or {}),
        typ=frozenset(issuer.typ) if issuer.typ else None,
        audience_claim=issuer.audience_claim,
        subject_claim=issuer.subject_claim,
        once=issuer.once,
    )


def _compile_rule(rule: ScopeRule) -> CompiledRule:
    # A Cognito identity pool may hand out AWS credentials to guests of a web site. They are principals of the account,
    # but not of its own making, so a rule must say `cognito` to mean them.
    is_open = rule.issuer == IAM and "cognito" not in rule.when
    return CompiledRule(
        name=rule.name,
        issuer=rule.issuer,
        when=compile_conditions({**rule.when, "cognito": False} if is_open else rule.when),
        scopes=ALL if rule.scopes == "*" else tuple(rule.scopes),
        aud=tuple(rule.aud),
        credential=rule.credential,
        share=rule.share,
    )
