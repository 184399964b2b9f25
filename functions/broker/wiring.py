"""The only place that makes clients and puts the parts together."""

import time
from collections.abc import Mapping
from pathlib import Path

from broker.audit import Sink
from broker.budget import MintBudget
from broker.cache import TokenCache
from broker.caller import Verifier
from broker.credentials import Credentials
from broker.deadline import Clock
from broker.exchange import Exchange
from broker.keys import KeySets
from broker.minting import Minter
from broker.net import BoundedHttp
from broker.policy import read
from broker.secretsmanager import SecretsManager
from broker.settings import aws_access
from broker.transloadit import TokenEndpoint


def build(policy_file: Path, environment: Mapping[str, str], sink: Sink, clock: Clock = time.time) -> Exchange:
    """The exchange as deployed. Raises OSError, ValueError or KeyError where the deployment is incomplete."""
    policy = read(policy_file)
    http = BoundedHttp(allow_loopback=policy.is_local)
    secrets = SecretsManager(http, clock, aws_access(environment), policy.aws_endpoint)
    minter = Minter(
        Credentials(policy.secrets, secrets, clock),
        TokenEndpoint(http, clock, time.sleep, policy.upstream),
        TokenCache(),
        MintBudget(clock),
        clock,
    )
    return Exchange(policy, Verifier(policy.issuers, KeySets(http, clock), clock), minter, sink, clock)
