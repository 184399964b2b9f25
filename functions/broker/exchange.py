"""The exchange, in order: identify the caller, decide, obtain the bearer token, record. The steps meet only here."""

from collections.abc import Callable
from math import floor
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import asdict

from broker import __version__
from broker.aws.cloudwatch import log_failure
from broker.base.audit import AuditRecord, Notes, Sink
from broker.base.deadline import Clock, Deadline
from broker.base.errors import BrokerError, BrokerFault, CallerRefused, trace_places
from broker.base.invocation import Invocation
from broker.base.progress import Progress
from broker.base.values import Value
from broker.caller.caller import Caller
from broker.decision import Grant, Refusal, decide
from broker.policy.model import Policy
from broker.request.proof import AnyProof
from broker.request.request import TokenRequest
from broker.token.bearer import BearerToken
from broker.token.obtain import BearerTokens

if TYPE_CHECKING:  # Deployments without a shared table do not load what speaks to it.
    from broker.caller.replay import ReplayControl


class Identifies[P: AnyProof](Protocol):
    def identify(self, proof: P, progress: Progress) -> Caller: ...


class Outcome(Value, frozen=True):
    """A bearer token, or why there is none. `request` is None where it was malformed."""

    request: TokenRequest[AnyProof] | None
    result: BearerToken | BrokerError


class Exchange[P: AnyProof]:
    """Answers every request and leaves one audit record of each, also when the code fails."""

    def __init__(
        self,
        policy: Policy,
        identifier: Identifies[P],
        tokens: BearerTokens,
        sink: Sink,
        clock: Clock,
        replay_control: "ReplayControl | None" = None,
    ) -> None:
        """`replay_control`: needed where an issuer of the policy says `once`."""
        self._policy = policy
        self._identifier = identifier
        self._tokens = tokens
        self._sink = sink
        self._clock = clock
        self._replay_control = replay_control

    def __call__(
        self, request_id: str, read: Callable[[], TokenRequest[P]], invocation: Invocation, deadline: Deadline
    ) -> Outcome:
        """What comes of a request; `read` makes it of what was sent. Raises nothing."""
        started = self._clock()
        progress = Progress(deadline, Notes())
        request: TokenRequest[P] | None = None
        result: BearerToken | BrokerError
        try:
            request = read()
            result = self._token(request, progress)
        except CallerRefused as error:
            result = request.proof.refusal(error.reason) if request else error
        except BrokerError as error:
            result = error
        except Exception as defect:  # noqa: BLE001 - a defect is answered and recorded like any other fault
            log_failure("defect", defect, function_request_id=invocation.function_request_id)
            result = BrokerFault(f"defect: {type(defect).__name__} in {trace_places(defect)[-1]}")
        milliseconds = (self._clock() - started) * 1000
        self._sink(self._record(request_id, request, invocation, progress.notes, result, milliseconds))
        return Outcome(request, result)

    def _token(self, request: TokenRequest[P], progress: Progress) -> BearerToken:
        caller = self._identifier.identify(request.proof, progress)
        decision = decide(self._policy, caller, request)
        if isinstance(decision, Refusal):
            progress.notes.failed = decision.failed
            raise decision.error(decision.reason)
        progress.notes.rules = decision.rules
        return self._obtained(decision, caller, progress)

    def _obtained(self, grant: Grant, caller: Caller, progress: Progress) -> BearerToken:
        """The token; a JWT that is good once is looked up before, and spent after."""
        if caller.once is None:
            return self._tokens.obtain(grant, caller, progress)
        if self._replay_control is None:
            raise BrokerFault("no replay control")
        self._replay_control.check(caller.once, progress)
        token = self._tokens.obtain(grant, caller, progress)
        # Last, so that a JWT is spent by an answer and not by what failed before.
        self._replay_control.spend(caller.once, progress)
        return token

    def _record(
        self,
        request_id: str,
        request: TokenRequest[P] | None,
        invocation: Invocation,
        notes: Notes,
        result: BearerToken | BrokerError,
        milliseconds: float,
    ) -> AuditRecord:
        error, token = (result, None) if isinstance(result, BrokerError) else (None, result)
        is_verified = notes.subject is not None
        scopes, aud, credential = (
            _asked(request, self._policy, is_verified=is_verified) if request else (None, None, None)
        )
        return AuditRecord(
            **asdict(invocation),
            **asdict(notes),
            request_id=request_id,
            version=__version__,
            policy=self._policy.digest,
            outcome=type(error).__name__ if error else "granted",
            status=error.status if error else 200,
            reason=error.reason if error else None,
            proof=request.proof.label if request else None,
            scopes=scopes,
            aud=aud,
            credential=credential,
            granted_scopes=tuple(sorted(token.scopes)) if token else None,
            token_sha256=token.sha256 if token else None,
            token_expires_at=floor(token.expires_at) if token else None,
            milliseconds=round(milliseconds, 1),
        )


def _asked(
    request: TokenRequest[AnyProof], policy: Policy, *, is_verified: bool
) -> tuple[tuple[str, ...] | None, str, str]:
    """Scopes, aud and credential as the record says them.

    Anybody may send a secret in the wrong field. So while the sender is not verified, what the policy does not name is
    a question mark; scopes are one for all of them, with their number.
    """
    scopes = () if request.scopes is None else tuple(sorted(request.scopes))
    aud, credential = request.aud, request.credential
    if not is_verified:
        aud, credential = (name if policy.names(name) else "?" for name in (aud, credential))
        named = tuple(filter(policy.names, scopes))
        scopes = named if len(named) == len(scopes) else (*named, f"?{len(scopes) - len(named)}")
    return None if request.scopes is None else scopes, aud, credential
