"""YAML to the compiled policy that the function reads: checked as a whole, its tests run, the same bytes every time."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from broker.caller.caller import IAM
from broker.policy import model as policy_model
from broker.policy.model import ALL, Policy
from pydantic import ValidationError

from token_broker.deployment import Environment
from token_broker.policy import cases, checks, errors, filling
from token_broker.policy.conditions import compile_conditions
from token_broker.policy.document import Document, Path, PolicyErrors, Problem, read
from token_broker.policy.encoding import encode
from token_broker.policy.lint import Opinion, opinions
from token_broker.policy.model import InlineKeys, Issuer, KeyUrl, Rule, TrustPolicy

UPSTREAM = "https://api2.transloadit.com"


@dataclass(frozen=True, slots=True)
class Local:
    """What a policy for the stack on one machine holds besides: http on loopback, and where api2 and AWS are.

    Only `make up` makes one; the build refuses an artifact with it.
    """

    upstream: str
    aws_endpoint: str
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Compiled:
    """`data` is the file that the function reads, `policy` what it reads there."""

    data: bytes
    policy: Policy
    rules: int
    issuers: int
    tests: int
    warnings: tuple[Problem, ...] = ()


def compile_policy(
    text: str, file: str, local: Local | None = None, *, environment: Environment | None = None
) -> Compiled:
    """The compiled policy. `file` names it in errors. Raises PolicyErrors with every problem that was found.

    `environment`: the one that it is for, which has to have what the policy needs; the local stack always has.
    """
    document = read(text, file)
    if local is not None:
        document.value = _filled(document.value, local.variables)
    document.value, misused = filling.fill_presets(document.value)
    _refuse(document, file, misused)
    model = _modelled(document, file)
    found = [*checks.check(model, local=local is not None)]
    if local is None:
        found += checks.check_environment(model, environment)
    _refuse(document, file, [*_left_over(document), *found])
    said = opinions(model)
    warnings = _problems(document, [each for each in said if not each.is_grave])
    if grave := _problems(document, [each for each in said if each.is_grave]):
        raise PolicyErrors(file, list(grave), warnings)
    data = _compiled(model, local)
    policy = policy_model.load(data)
    for entry in policy.rules:
        policy.find_rules(entry)  # the function decodes them at the first request; a defect must stop the build
    _run_tests(model, policy, document, file)
    return Compiled(data, policy, len(model.rules), len(model.issuers), len(model.tests), warnings)


def _problems(document: Document, said: list[Opinion]) -> tuple[Problem, ...]:
    return tuple(sorted(Problem(*document.place(each.path), each.message, each.code) for each in said))


def _refuse(document: Document, file: str, found: Iterable[tuple[Path, str]]) -> None:
    problems = [Problem(*document.place(path), message) for path, message in found]
    if problems:
        raise PolicyErrors(file, problems)


def _left_over(document: Document) -> Iterator[tuple[Path, str]]:
    yield from checks.find_variables(("issuers",), document.value.get("issuers"))


def _modelled(document: Document, file: str) -> TrustPolicy:
    try:
        return TrustPolicy.model_validate(document.value)
    except ValidationError as error:
        raise PolicyErrors(file, errors.problems(error, document)) from None


def _run_tests(model: TrustPolicy, policy: Policy, document: Document, file: str) -> None:
    failed = [
        Problem(*document.place(("tests", place, "expect")), f"the test `{case.name}` failed: {difference}")
        for place, case in enumerate(model.tests)
        if (difference := cases.run(case, policy)) is not None
    ]
    if failed:
        raise PolicyErrors(file, failed)


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    """Every text with the local stack's variables replaced."""
    if isinstance(value, str):
        for name, text in variables.items():
            value = value.replace(f"${{{name}}}", text)
        return value
    if isinstance(value, dict):
        return {key: _filled(item, variables) for key, item in value.items()}
    return [_filled(item, variables) for item in value] if isinstance(value, list) else value


def _compiled(model: TrustPolicy, local: Local | None) -> bytes:
    return encode(
        credentials=model.credentials,
        issuers=[_issuer(name, issuer) for name, issuer in model.issuers.items()],
        rules=map(_rule, model.rules),
        upstream=local.upstream if local else UPSTREAM,
        aws_endpoint=local.aws_endpoint if local else None,
        is_local=local is not None,
    )


def _issuer(name: str, issuer: Issuer) -> policy_model.Issuer:
    return policy_model.Issuer(
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


def _rule(rule: Rule) -> policy_model.Rule:
    return policy_model.Rule(
        name=rule.name,
        issuer=rule.issuer,
        when=compile_conditions(_guarded(rule)),
        scopes=ALL if rule.scopes == "*" else tuple(rule.scopes),
        aud=tuple(rule.aud),
        credential=rule.credential,
        share=rule.share,
    )


def _guarded(rule: Rule) -> dict[str, Any]:
    """Identities of a Cognito identity pool are no principals of the account's own unless a rule says so."""
    return rule.when if rule.issuer != IAM or "cognito" in rule.when else {**rule.when, "cognito": False}
