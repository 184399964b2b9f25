"""The only place that makes clients and puts the parts together."""

import gc
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from broker.aws.cloudwatch import CloudWatch, log_failure
from broker.aws.secretsmanager import SecretsManager
from broker.base.audit import Sink
from broker.base.deadline import RESERVE, Clock, Deadline
from broker.base.errors import BrokerError
from broker.base.net import BoundedHttp, Http, OutOfReach
from broker.base.settings import AwsAccess, aws_access, credential_secrets, shared_table
from broker.base.values import Value
from broker.caller.iam import IamIdentifier, IamProof
from broker.caller.invoke import InvokeIdentifier, InvokeProof
from broker.caller.keys import KeySets
from broker.caller.verifier import Verifier
from broker.exchange import Exchange, Identifies
from broker.policy.model import Policy, read
from broker.request.proof import AnyProof, Proof
from broker.token.bearer import BearerToken, CacheKey
from broker.token.budget import MintBudget
from broker.token.credentials import Credentials
from broker.token.memory import TokenCache
from broker.token.mint import Minter
from broker.token.obtain import BearerTokens
from broker.token.transloadit import TokenEndpoint

if TYPE_CHECKING:
    from broker.aws.client import Aws
    from broker.caller.replay import ReplayControl
    from broker.token.shared import SharedCache

POLICY_FILE = f"{os.path.dirname(__file__)}/../policy.json"  # beside the package in the artifact
PREPARE_SECONDS = 2.5
PREPARED = 4  # key sets, and secrets, that are fetched ahead; whoever has more has other first callers

Work = Callable[[Deadline], object]
type Identified[P: AnyProof] = tuple[Identifies[P], list[Work]]


class Broker[P: AnyProof](Value, frozen=True):
    """The exchange, and what its first request will need from outside."""

    exchange: Exchange[P]
    work: list[Work]
    clock: Clock
    policy: str  # its digest

    def prepare(self) -> None:
        """Do all of the work at once, while Lambda starts us at full speed; later requests try again what fails.

        It waits for the end, since a call that is under way when the environment freezes wakes to a dead connection.
        """
        deadline = Deadline(self.clock, PREPARE_SECONDS + RESERVE)
        threads = [threading.Thread(target=_try, args=(each, deadline), daemon=True) for each in self.work]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _try(work: Work, deadline: Deadline) -> None:
    try:
        with suppress(BrokerError, OutOfReach):
            work(deadline)
    except Exception as defect:  # noqa: BLE001 - else Python prints its message, which could quote a secret
        log_failure("defect", defect)


def by_jwt(policy: Policy, http: Http, clock: Clock) -> Identified[Proof]:
    """For callers who show a JWT."""
    keys = KeySets(http, clock)
    fetched = (entries[0] for entries in policy.issuers.values() if entries[0].inline_keys is None)
    return Verifier(policy.issuers, keys, clock), [partial(keys.fetch, entry) for entry in islice(fetched, PREPARED)]


def by_iam(policy: Policy, http: Http, clock: Clock) -> Identified[IamProof]:
    """For IAM principals behind API Gateway's authorizer."""
    return IamIdentifier(), []


def by_invocation(policy: Policy, http: Http, clock: Clock) -> Identified[InvokeProof]:
    """For whoever may invoke the function."""
    return InvokeIdentifier(), []


def start[P: AnyProof](
    environment: Mapping[str, str], identified: Callable[[Policy, Http, Clock], Identified[P]], clock: Clock = time.time
) -> Broker[P]:
    """The broker as deployed, made and prepared. Raises as `build` does, and leaves a line in the log before."""
    try:
        sink = CloudWatch(environment["POWERTOOLS_SERVICE_NAME"], clock)
        broker = build(environment, sink, identified, clock)
        broker.prepare()
    except Exception as failure:
        log_failure("failed to start", failure)
        raise
    # What the start made lives as long as the environment, so the collector never looks at it.
    gc.freeze()
    gc.enable()
    return broker


def build[P: AnyProof](
    environment: Mapping[str, str],
    sink: Sink,
    identified: Callable[[Policy, Http, Clock], Identified[P]],
    clock: Clock = time.time,
    policy_file: str | os.PathLike[str] = POLICY_FILE,
) -> Broker[P]:
    """The broker as deployed, for callers who are `identified` by one of the three above.

    Raises OSError, ValueError or KeyError where the deployment is incomplete.
    """
    policy = read(policy_file)
    http = BoundedHttp(clock, allow_loopback=policy.is_local)
    aws = _Later(partial(_aws, http, clock, aws_access(environment), policy.aws_endpoint))
    credentials = Credentials(credential_secrets(environment), SecretsManager(aws), clock)
    shared, replay_control, origins = _shared(policy, clock, aws, shared_table(environment))
    endpoint = TokenEndpoint(http, clock, time.sleep, policy.upstream)
    memory: TokenCache[CacheKey, BearerToken] = TokenCache()
    minter = Minter(credentials, endpoint, MintBudget(clock), memory, shared, clock)
    tokens = BearerTokens(credentials, minter, memory, shared, clock)
    identifier, fetches = identified(policy, http, clock)
    reads = [partial(credentials.fresh, name) for name in islice(policy.credentials, PREPARED)]
    connections = [partial(_connect, http, origin) for origin in (lambda: policy.upstream, *origins)]
    exchange = Exchange(policy, identifier, tokens, sink, clock, replay_control)
    return Broker(exchange, [*fetches, *reads, *connections], clock, policy.digest)


def _connect(http: BoundedHttp, origin: Callable[[], str], deadline: Deadline) -> None:
    http.connect(origin(), deadline.left())


class _Later[T]:
    """What is made by the thread that first needs it, while the others wait."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: T | None = None
        self._lock = threading.Lock()

    def __call__(self) -> T:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made


def _aws(http: Http, clock: Clock, access: AwsAccess, endpoint: str | None) -> "Aws":
    # Not above: boto3 is half of the start. In the thread that reads the secret its import runs while the others wait
    # for the network, and not beside the main thread's imports, which would take longer than one after the other.
    from broker.aws.client import Aws, session

    return Aws(http, clock, session(access), endpoint)


def _shared(
    policy: Policy, clock: Clock, aws: "Callable[[], Aws]", table_name: str | None
) -> "tuple[SharedCache | None, ReplayControl | None, list[Callable[[], str]]]":
    """What environments share by a table, and the origin that it calls.

    Raises ValueError where the policy needs it, and there is no table.
    """
    if table_name is None:
        if any(entry.once for entry in policy.entries):
            raise ValueError("the policy says `once`, and the deployment has no SharedCache")
        return None, None, []
    # Not above: who has no table does not pay for AES-GCM's import (docs/decisions/12-shared-cache.md).
    from broker.aws.dynamodb import Table
    from broker.caller.replay import ReplayControl
    from broker.token.shared import SharedCache

    table = Table(aws, table_name)
    return SharedCache(table, policy.upstream, clock, time.sleep), ReplayControl(table, clock), [table.origin]
