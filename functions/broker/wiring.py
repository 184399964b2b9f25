"""The only place that makes clients and puts the parts together."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

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
from broker.settings import aws_access
from broker.transloadit import TokenEndpoint


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
    secrets = SecretsManager(http, clock, aws_access(environment), policy.aws_endpoint)
    minter = Minter(
        Credentials(policy.secrets, secrets, clock),
        TokenEndpoint(http, clock, time.sleep, policy.upstream),
        TokenCache(),
        MintBudget(clock),
        clock,
    )
    return Exchange(policy, identified(policy, http, clock), minter, sink, clock)
