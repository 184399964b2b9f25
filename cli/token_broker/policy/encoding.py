"""Encodes the file of a compiled policy from the function's own structs."""

from collections.abc import Iterable

from broker.policy.assembling import AssembleRule
from broker.policy.model import ALL, Issuer, Policy, Rule
from broker.policy.signing import SignRule
from msgspec import Raw, json

_encode = json.Encoder(order="deterministic").encode


def encode(
    *,
    credentials: Iterable[str],
    issuers: Iterable[Issuer],
    rules: Iterable[Rule],
    sign_rules: Iterable[SignRule] = (),
    assemble_rules: Iterable[AssembleRule] = (),
    upstream: str,
    aws_endpoint: str | None = None,
    is_local: bool = False,
) -> bytes:
    """The bytes of the file. The same policy gives the same bytes, so that its digest tells whether it has changed."""
    # Rules are encoded by entry: the function decodes those of an entry when its first caller comes.
    rules, sign_rules, assemble_rules = tuple(rules), tuple(sign_rules), tuple(assemble_rules)
    named = {name for rule in rules for name in (*rule.aud, *(() if rule.scopes is ALL else rule.scopes))}
    named.update(name for rule in sign_rules for name in (*rule.assembly, *rule.smart_cdn, *rule.storage))
    named.update(name for rule in assemble_rules for name in rule.assemble)
    policy = Policy(
        is_local=is_local,
        upstream=upstream,
        aws_endpoint=aws_endpoint,
        credentials=tuple(credentials),
        entries=tuple(issuers),
        named=frozenset(named),
        rules=_encode_by_entry(rules),
        signing=_encode_by_entry(sign_rules),
        assembling=_encode_by_entry(assemble_rules),
    )
    return _encode(policy) + b"\n"


def _encode_by_entry(rules: Iterable[Rule | SignRule | AssembleRule]) -> dict[str, Raw]:
    grouped: dict[str, list[Rule | SignRule | AssembleRule]] = {}
    for rule in rules:
        grouped.setdefault(rule.issuer, []).append(rule)
    return {entry: Raw(_encode(group)) for entry, group in grouped.items()}
