"""The exchange, in order: identify the caller, decide, obtain the token or sign, record. The steps meet only here."""

from collections.abc import Callable
from functools import partial
from math import floor
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import asdict

from broker import __version__
from broker.aws.cloudwatch import log_failure
from broker.base.audit import AuditRecord, Notes, Sink, Wishes
from broker.base.errors import BrokerError, BrokerFault, CallerRefused, trace_places
from broker.base.invocation import Invocation
from broker.base.progress import Clock, Deadline, Progress
from broker.base.values import Value
from broker.caller.caller import Caller
from broker.decision import Refusal, decide
from broker.policy.model import Policy
from broker.request.proof import AnyProof
from broker.request.request import TokenRequest
from broker.request.signature import SignatureRequest
from broker.signing.decision import decide_signing
from broker.signing.signer import Signed, Signer
from broker.token.bearer import BearerToken
from broker.token.obtain import BearerTokens

if TYPE_CHECKING:  # Deployments without a shared table do not load what speaks to it.
    from broker.caller.replay import ReplayControl


class Identifies[P: AnyProof](Protocol):
    """Turns a proof of one kind into a caller."""

    def identify(self, proof: P, progress: Progress) -> Caller:
        """The verified caller. Raises a BrokerError where the proof is refused or cannot be verified now."""


class AnyRequest(Protocol):
    """A request for a bearer token or for a signature."""

    @property
    def proof(self) -> AnyProof: ...

    def describe(self, is_known: Callable[[str], bool]) -> Wishes: ...


class Outcome[T](Value, frozen=True):
    """A bearer token or a signature, or why there is none. `request` is None where it was malformed."""

    request: AnyRequest | None
    result: T | BrokerError


class Exchange[P: AnyProof](Value, frozen=True):
    """Answers every request and leaves one audit record of each, also when the code fails."""

    policy: Policy
    identifier: Identifies[P]
    tokens: BearerTokens
    signer: Signer
    sink: Sink
    clock: Clock
    replay_control: "ReplayControl | None" = None  # needed where an issuer of the policy says `once`

    def give_token(
        self, request_id: str, read: Callable[[], TokenRequest[P]], invocation: Invocation, deadline: Deadline
    ) -> Outcome[BearerToken]:
        """The outcome of a request, which `read` makes of what was sent. Raises nothing but what the sink raises."""
        return self._answer(request_id, read, self._obtain, invocation, deadline)

    def give_signature(
        self, request_id: str, read: Callable[[], SignatureRequest[P]], invocation: Invocation, deadline: Deadline
    ) -> Outcome[Signed]:
        """The same for a request for a signature."""
        return self._answer(request_id, read, self._sign, invocation, deadline)

    def _obtain(self, request: TokenRequest[P], progress: Progress) -> BearerToken:
        caller = self.identifier.identify(request.proof, progress)
        grant = _allow(decide(self.policy, caller, request), progress)
        progress.notes.rules = grant.rules
        return self._give(partial(self.tokens.obtain, grant, caller, progress), caller, progress)

    def _sign(self, request: SignatureRequest[P], progress: Progress) -> Signed:
        caller = self.identifier.identify(request.proof, progress)
        signing = _allow(decide_signing(self.policy, caller, request), progress)
        progress.notes.rules = (signing.rule,)
        return self._give(partial(self.signer.sign, signing, caller, progress), caller, progress)

    def _give[T](self, make: Callable[[], T], caller: Caller, progress: Progress) -> T:
        """What `make` makes, of which a JWT that is good once gets one."""
        if caller.once is None:
            return make()
        if self.replay_control is None:
            raise BrokerFault("no replay control")
        # Checked before the mint, so that a replayed JWT costs no call of api2. Marked as used only after there is a
        # token: a failed mint must not use it up.
        self.replay_control.check(caller.once, progress)
        made = make()
        self.replay_control.spend(caller.once, progress)
        return made

    def _answer[R: AnyRequest, T: BearerToken | Signed](
        self,
        request_id: str,
        read: Callable[[], R],
        give: Callable[[R, Progress], T],
        invocation: Invocation,
        deadline: Deadline,
    ) -> Outcome[T]:
        started = self.clock()
        progress = Progress(deadline, Notes())
        request: R | None = None
        result: T | BrokerError
        try:
            request = read()
            result = give(request, progress)
        except CallerRefused as error:
            result = request.proof.refusal(error.reason) if request else error
        except BrokerError as error:
            result = error
        except Exception as defect:  # noqa: BLE001 - a defect is answered and recorded like any other fault
            # The exception's message could quote a secret or a JWT, so only its class and place are written.
            log_failure("defect", defect, function_request_id=invocation.function_request_id)
            result = BrokerFault(f"defect: {type(defect).__name__} in {trace_places(defect)[-1]}")
        outcome = Outcome(request, result)
        milliseconds = (self.clock() - started) * 1000
        self.sink(self._record(request_id, outcome, invocation, progress.notes, milliseconds))
        return outcome

    def _record[T: BearerToken | Signed](
        self, request_id: str, outcome: Outcome[T], invocation: Invocation, notes: Notes, milliseconds: float
    ) -> AuditRecord:
        request, result = outcome.request, outcome.result
        error = result if isinstance(result, BrokerError) else None
        token = result if isinstance(result, BearerToken) else None
        # Anybody may send a secret in the wrong field, and the record would keep it. So while the sender is not
        # verified, names that the policy does not have are not shown.
        is_known = self.policy.names if notes.subject is None else _admit
        wishes = request.describe(is_known) if request else Wishes()
        return AuditRecord(
            **asdict(invocation),
            **asdict(notes),
            request_id=request_id,
            version=__version__,
            policy=self.policy.digest,
            outcome=type(error).__name__ if error else "granted",
            status=error.status if error else 200,
            reason=error.reason if error else None,
            proof=request.proof.label if request else None,
            scopes=wishes.scopes,
            aud=wishes.aud,
            credential=wishes.credential,
            granted_scopes=tuple(sorted(token.scopes)) if token else None,
            token_sha256=token.sha256 if token else None,
            token_expires_at=floor(token.expires_at) if token else None,
            signing=result.notes if isinstance(result, Signed) else wishes.signing,
            milliseconds=round(milliseconds, 1),
        )


def _allow[T](decision: T | Refusal, progress: Progress) -> T:
    """What was granted. Raises the error of a refusal."""
    if isinstance(decision, Refusal):
        progress.notes.failed = decision.failed
        raise decision.error(decision.reason, *([decision.description] if decision.description else []))
    return decision


def _admit(name: str) -> bool:
    return True
