"""`policy check --online`: fetches the keys of each issuer with the function's own code."""

from collections.abc import Iterator
from dataclasses import dataclass

from broker.base.errors import TemporarilyUnavailable
from broker.base.net import Http
from broker.base.progress import Clock, Deadline
from broker.caller.keys import KeySets
from broker.policy.model import Issuer, Policy

_SECONDS = 10.0  # for each issuer


@dataclass(frozen=True, slots=True)
class KeysReport:
    """The number of an issuer's keys that may verify its JWTs; if it is 0, the reason."""

    entry: str  # its name in the policy
    usable: int
    problem: str | None = None


def report_keys(policy: Policy, http: Http, clock: Clock) -> Iterator[KeysReport]:
    """Report on each entry whose keys are fetched. Entries of one issuer share a fetch."""
    keys = KeySets(http, clock)
    yield from (_report(entry, keys, clock) for entry in policy.entries if entry.inline_keys is None)


def _report(entry: Issuer, keys: KeySets, clock: Clock) -> KeysReport:
    try:
        fetched = keys.fetch(entry, Deadline(clock, _SECONDS))
    except TemporarilyUnavailable as error:
        return KeysReport(entry.name, 0, error.reason)
    usable = sum(not key.algorithms.isdisjoint(entry.algorithms) for key in fetched)
    if not usable:
        verified = ", ".join(sorted(frozenset[str]().union(*(key.algorithms for key in fetched))))
        return KeysReport(entry.name, 0, f"none of its keys fits `algorithms`; they verify {verified}")
    return KeysReport(entry.name, usable)
