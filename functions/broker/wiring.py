"""The only place that makes clients and puts the parts together."""

import gc
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, partial
from itertools import islice
from typing import TYPE_CHECKING

from broker.answering import Answering
from broker.aws.cloudwatch import CloudWatch, log_failure
from broker.aws.secretsmanager import SecretsManager
from broker.aws.sqs import Queue
from broker.base.audit import Sink
from broker.base.errors import BrokerError
from broker.base.net import BoundedHttp, Http, OutOfReach
from broker.base.progress import RESERVE, Clock, Deadline
from broker.base.settings import Settings, read_settings
from broker.base.values import Value
from broker.caller.iam import IamIdentifier, IamProof
from broker.caller.invoke import InvokeIdentifier, InvokeProof
from broker.caller.keys import KeySets
from broker.caller.verifier import Verifier
from broker.early import PREPARE_SECONDS, Early
from broker.exchange import Exchange, Identifies
from broker.policy.model import Policy
from broker.request.proof import AnyProof, Proof
from broker.signing.signer import Signer
from broker.token.bearer import BearerToken, CacheKey
from broker.token.budget import MintBudget, SignBudget
from broker.token.credentials import Credentials
from broker.token.memory import TokenCache
from broker.token.mint import Minter
from broker.token.obtain import BearerTokens
from broker.token.transloadit import TokenEndpoint

if TYPE_CHECKING:
    from broker.assembly.completion import Completer
    from broker.assembly.maker import AssemblyMaker
    from broker.aws.client import Aws
    from broker.caller.replay import ReplayControl
    from broker.token.shared import SharedCache

PREPARED = 4  # key sets, and secrets, that are fetched ahead; further ones by the first caller that needs them

Work = Callable[[Deadline], object]
type Identification[P: AnyProof] = tuple[Identifies[P], list[Work]]
type ChooseIdentifier[P: AnyProof] = Callable[[Settings, Policy, Http, Clock], Identification[P]]


class Prepared(Value, frozen=True):
    """What an entry point uses, and the work from which its first request will need something."""

    work: list[Work]
    clock: Clock

    def prepare(self) -> None:
        """Do all of the work at once, while Lambda starts the function at full speed, within PREPARE_SECONDS.

        A call that is still running when Lambda freezes the environment would find its connection dead. So this waits
        for all of them. What fails is tried again by the request that needs it.
        """
        deadline = Deadline(self.clock, PREPARE_SECONDS + RESERVE)
        threads = [threading.Thread(target=_do_ahead, args=(each, deadline), daemon=True) for each in self.work]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


class Broker[P: AnyProof](Prepared, frozen=True):
    """What gives callers what they may have."""

    exchange: Exchange[P]
    policy: str  # its digest
    settings: Settings
    dead_letters: Queue | None = None  # for messages that no retry helps


class Receiver(Prepared, frozen=True):
    """What takes notifications."""

    answering: Answering
    completer: "Completer"


def _do_ahead(work: Work, deadline: Deadline) -> None:
    try:
        with suppress(BrokerError, OutOfReach):
            work(deadline)
    except Exception as defect:  # noqa: BLE001 - else Python prints its message, which could quote a secret
        log_failure("defect", defect)


def by_jwt(settings: Settings, policy: Policy, http: Http, clock: Clock) -> Identification[Proof]:
    """Identifies callers by a JWT."""
    keys = KeySets(http, clock)
    fetched = (entries[0] for entries in policy.issuers.values() if entries[0].inline_keys is None)
    return Verifier(policy.issuers, keys, clock), [partial(keys.fetch, entry) for entry in islice(fetched, PREPARED)]


def by_iam(settings: Settings, policy: Policy, http: Http, clock: Clock) -> Identification[IamProof]:
    """Identifies IAM principals behind API Gateway's authorizer."""
    return IamIdentifier(), []


def by_invocation(settings: Settings, policy: Policy, http: Http, clock: Clock) -> Identification[InvokeProof]:
    """Identifies the one caller that may invoke the function. Raises KeyError where the deployment does not name it."""
    if not settings.caller_name:
        raise KeyError("CALLER_NAME")
    return InvokeIdentifier(), []


def start[P: AnyProof](
    environment: Mapping[str, str], choose_identifier: ChooseIdentifier[P], early: Early
) -> Broker[P]:
    """The broker as deployed, made and prepared. Raises as `build` does, and leaves a line in the log before."""
    return _start(environment, lambda settings, sink: build(settings, sink, choose_identifier, early), early)


def start_notifications(environment: Mapping[str, str], early: Early) -> Receiver:
    """The same for what takes notifications."""
    return _start(environment, lambda settings, sink: build_receiver(settings, sink, early), early)


def _start[T: Prepared](environment: Mapping[str, str], make: Callable[[Settings, Sink], T], early: Early) -> T:
    try:
        settings = read_settings(environment)
        made = make(settings, CloudWatch(settings.service, early.clock))
        made.prepare()
    except Exception as failure:
        log_failure("failed to start", failure)
        raise
    # What the start made lives as long as the environment. A collector that looked at it would find nothing, and pause
    # a request for that; so it never looks at it.
    gc.freeze()
    gc.enable()
    return made


def build[P: AnyProof](
    settings: Settings, sink: Sink, choose_identifier: ChooseIdentifier[P], early: Early
) -> Broker[P]:
    """The broker as deployed, for callers that are identified in one of the three ways above.

    Raises ValueError or KeyError where the deployment is incomplete.
    """
    policy, http, clock = early.policy, early.http, early.clock

    aws = _defer_aws(settings, early)
    credentials = Credentials(settings.secret_ids, SecretsManager(aws).read, clock)
    shared, replay_control, connect_table = _make_shared(policy, http, clock, aws, settings.shared_table)
    endpoint = TokenEndpoint(http, clock, time.sleep, policy.upstream)
    memory: TokenCache[CacheKey, BearerToken] = TokenCache()
    minter = Minter(credentials, endpoint, MintBudget(clock), memory, shared, clock)
    tokens = BearerTokens(credentials, minter, memory, shared, clock)
    identifier, fetches = choose_identifier(settings, policy, http, clock)
    # The policy names the credentials of all functions, and this one's role reads some of them.
    own = (name for name in policy.credentials if name in settings.secret_ids)
    reads = [partial(credentials.read, name) for name in islice(own, PREPARED)]
    signer = Signer(credentials, SignBudget(clock), clock)
    maker, read_key = _make_maker(settings, policy, http, clock, aws, tokens)
    exchange = Exchange(Answering(policy, sink, clock), identifier, tokens, signer, replay_control, maker)
    work: list[Work] = [lambda _: early.connection.result(), *fetches, *reads, *read_key, *connect_table]
    dead_letters = Queue(aws, settings.dead_letter_queue) if settings.dead_letter_queue else None
    return Broker(work, clock, exchange, policy.digest, settings, dead_letters)


def build_receiver(settings: Settings, sink: Sink, early: Early) -> Receiver:
    """What takes notifications, as deployed. Raises ValueError or KeyError where the deployment is incomplete."""
    # Imported here, since the other functions need none of it.
    from broker.assembly.completion import Completer
    from broker.assembly.endpoint import AssemblyEndpoint
    from broker.assembly.keys import PipelineKeys
    from broker.assembly.signatures import NotificationSignatures
    from broker.aws.callbacks import Callbacks

    if not settings.pipeline_secret:
        raise KeyError("PIPELINE_SECRET")
    policy, http, clock, aws = early.policy, early.http, early.clock, _defer_aws(settings, early)
    secrets = SecretsManager(aws)
    credentials = Credentials(settings.secret_ids, secrets.read, clock, secrets.read_previous)
    keys = PipelineKeys(settings.pipeline_secret, secrets.read, secrets.read_previous, clock)
    endpoint = AssemblyEndpoint(http, clock, time.sleep, policy.upstream)
    signatures = NotificationSignatures(credentials, clock)
    completer = Completer(policy, keys, signatures, endpoint, Callbacks(aws), clock)
    reads = [partial(credentials.read, name) for name in islice(settings.secret_ids, PREPARED)]
    work: list[Work] = [lambda _: early.connection.result(), keys.read, *reads]
    return Receiver(work, clock, Answering(policy, sink, clock), completer)


def _defer_aws(settings: Settings, early: Early) -> "Callable[[], Aws]":
    @_make_once
    def aws() -> "Aws":
        # boto3 is half of the start. In the thread that reads the secret its import runs while the others wait for the
        # network. At the top it would run before them, and in a thread beside the main thread's imports both would
        # take longer than one after the other (docs/decisions/19-libraries.md).
        from broker.aws.client import Aws, make_session

        return Aws(early.http, early.clock, make_session(settings.aws_access), early.policy.aws_endpoint)

    return aws


def _make_maker(
    settings: Settings, policy: Policy, http: Http, clock: Clock, aws: "Callable[[], Aws]", tokens: BearerTokens
) -> "tuple[AssemblyMaker | None, list[Work]]":
    """What makes Assemblies, where the deployment has a pipeline key, and the work of reading that key."""
    if not settings.pipeline_secret:
        return None, []
    # Imported here, since the functions that give tokens need none of it.
    from broker.assembly.endpoint import AssemblyEndpoint
    from broker.assembly.keys import PipelineKeys
    from broker.assembly.maker import AssemblyMaker

    secrets = SecretsManager(aws)
    keys = PipelineKeys(settings.pipeline_secret, secrets.read, secrets.read_previous, clock)
    endpoint = AssemblyEndpoint(http, clock, time.sleep, policy.upstream)
    maker = AssemblyMaker(tokens, endpoint, keys, settings.function_name, settings.public_url, clock)
    return maker, [keys.read]


def _make_once[T](make: Callable[[], T]) -> Callable[[], T]:
    """Puts `make` off to the first thread that needs its value. The others wait for that value: two would be two
    imports of boto3 at once, and two sets of clients."""
    made, lock = cache(make), threading.Lock()

    def get() -> T:
        with lock:
            return made()

    return get


def _make_shared(
    policy: Policy, http: BoundedHttp, clock: Clock, aws: "Callable[[], Aws]", table_name: str | None
) -> "tuple[SharedCache | None, ReplayControl | None, list[Work]]":
    """The two uses of the table that environments share, and the work of connecting to it.

    Raises ValueError where the policy needs the table, and there is none.
    """
    if table_name is None:
        if any(entry.once for entry in policy.entries):
            raise ValueError("the policy says `once`, and the deployment has no SharedCache")
        return None, None, []
    # Imported here because it loads AES-GCM (6 ms), which only deployments with a table need
    # (docs/decisions/12-shared-cache.md).
    from broker.aws.dynamodb import Table
    from broker.caller.replay import ReplayControl
    from broker.token.shared import SharedCache

    table = Table(aws, table_name)
    shared = SharedCache(table, policy.upstream, clock, time.sleep)
    return shared, ReplayControl(table, clock), [lambda deadline: http.connect(table.find_origin(), deadline.left())]
