"""The only place that makes clients and puts the parts together."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from broker.audit import Sink
from broker.budget import MintBudget
from broker.cache import TokenCache
from broker.caller import IamIdentifier, InvokeIdentifier, Verifier
from broker.credentials import Credentials
from broker.deadline import Clock
from broker.exchange import Exchange, Identifies
from broker.keys import KeySets
from broker.minting import Minter
from broker.net import BoundedHttp, Http
from broker.policy import Policy, read
from broker.request import IamProof, InvokeProof, Proof, Shown
from broker.secretsmanager import SecretsManager
from broker.settings import AwsAccess, aws_access, shared_table
from broker.transloadit import TokenEndpoint

if TYPE_CHECKING:
    from broker.replay import ReplayControl
    from broker.shared_cache import SharedCache


def by_jwt(policy: Policy, http: Http, clock: Clock) -> Identifies[Proof]:
    """For callers who show a JWT."""
    return Verifier(policy.issuers, KeySets(http, clock), clock)


def by_iam(policy: Policy, http: Http, clock: Clock) -> Identifies[IamProof]:
    """For IAM principals behind API Gateway's authorizer."""
    return IamIdentifier()


def by_invocation(policy: Policy, http: Http, clock: Clock) -> Identifies[InvokeProof]:
    """For whoever may invoke the function."""
    return InvokeIdentifier()


def build[P: Shown](
    policy_file: Path,
    environment: Mapping[str, str],
    sink: Sink,
    identified: Callable[[Policy, Http, Clock], Identifies[P]],
    clock: Clock = time.time,
) -> Exchange[P]:
    """The exchange as deployed, for callers who are `identified` by one of the three above.

    Raises OSError, ValueError or KeyError where the deployment is incomplete.
    """
    policy = read(policy_file)
    http = BoundedHttp(clock, allow_loopback=policy.is_local)
    access = aws_access(environment)
    secrets = SecretsManager(http, clock, access, policy.aws_endpoint)
    shared, replay_control = _shared(policy, http, clock, access, shared_table(environment))
    minter = Minter(
        Credentials(policy.secrets, secrets, clock),
        TokenEndpoint(http, clock, time.sleep, policy.upstream),
        TokenCache(),
        MintBudget(clock),
        clock,
        shared,
    )
    return Exchange(policy, identified(policy, http, clock), minter, sink, clock, replay_control)


def _shared(
    policy: Policy, http: Http, clock: Clock, access: AwsAccess, table_name: str | None
) -> "tuple[SharedCache | None, ReplayControl | None]":
    """What needs the shared table. Raises ValueError where the policy does, and there is none."""
    if table_name is None:
        if any(entry.once for entries in policy.issuers.values() for entry in entries):
            raise ValueError("the policy says `once`, and the deployment has no SharedCache")
        return None, None
    # Not above: who has no table does not pay for AES-GCM's import (docs/decisions/12-shared-cache.md).
    from broker.dynamodb import Table
    from broker.replay import ReplayControl
    from broker.shared_cache import SharedCache

    table = Table(http, clock, access, table_name, policy.aws_endpoint)
    return SharedCache(table, policy.upstream, clock, time.sleep), ReplayControl(table, clock)
