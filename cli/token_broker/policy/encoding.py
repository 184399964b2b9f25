"""Encodes the file of a compiled policy from the function's own structs."""

from collections.abc import Iterable

from broker.policy.model import ALL, Issuer, Policy, Rule
from msgspec import Raw, json

_encode = json.Encoder(order="deterministic").encode


def encode(
    *,
    credentials: Iterable[str],
    issuers: Iterable[Issuer],
    rules: Iterable[Rule],
    upstream: str,
    aws_endpoint: str | None = None,
    is_local: bool = False,
) -> bytes:
    """The bytes of the file. The same policy gives the same bytes, so that its digest tells whether it has changed."""
    # Rules are encoded by entry: the function decodes those of an entry when its first caller comes.
    grouped: dict[str, list[Rule]] = {}
    named = set[str]()
    for rule in rules:
        grouped.setdefault(rule.issuer, []).append(rule)
        named.update(rule.aud, () if rule.scopes is ALL else rule.scopes)
    policy = Policy(
        is_local=is_local,
        upstream=upstream,
        aws_endpoint=aws_endpoint,
        credentials=tuple(credentials),
        entries=tuple(issuers),
        named=frozenset(named),
        rules={entry: Raw(_encode(group)) for entry, group in grouped.items()},
    )
    return _encode(policy) + b"\n"
