"""The exchange, in order: identify the caller, decide, obtain the bearer token, record. The steps meet only here."""

from collections.abc import Callable
from math import floor
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import asdict

from broker import __version__
from broker.aws.cloudwatch import log_failure
from broker.base.audit import AuditRecord, Notes, Sink
from broker.base.errors import BrokerError, BrokerFault, CallerRefused, trace_places
from broker.base.invocation import Invocation
from broker.base.progress import Clock, Deadline, Progress
from broker.base.values import Value
from broker.caller.caller import Caller
from broker.decision import Refusal, decide
from broker.policy.model import Policy
from broker.request.proof import AnyProof
from broker.request.request import TokenRequest
from broker.token.bearer import BearerToken
from broker.token.obtain import BearerTokens

if TYPE_CHECKING:  # Deployments without a shared table do not load what speaks to it.
    from broker.caller.replay import ReplayControl


class Identifies[P: AnyProof](Protocol):
    """Turns a proof of one kind into a caller."""

    def identify(self, proof: P, progress: Progress) -> Caller:
        """The verified caller. Raises a BrokerError where the proof is refused or cannot be verified now."""


class Outcome(Value, frozen=True):
    """A bearer token, or why there is none. `request` is None where it was malformed."""

    request: TokenRequest[AnyProof] | None
    result: BearerToken | BrokerError


class Exchange[P: AnyProof](Value, frozen=True):
    """Answers every request and leaves one audit record of each, also when the code fails."""

    policy: Policy
    identifier: Identifies[P]
    tokens: BearerTokens
    sink: Sink
    clock: Clock
    replay_control: "ReplayControl | None" = None  # needed where an issuer of the policy says `once`

    def __call__(
        self, request_id: str, read: Callable[[], TokenRequest[P]], invocation: Invocation, deadline: Deadline
    ) -> Outcome:
        """The outcome of a request, which `read` makes of what was sent. Raises nothing but what the sink raises."""
        started = self.clock()
        progress = Progress(deadline, Notes())
        request: TokenRequest[P] | None = None
        result: BearerToken | BrokerError
        try:
            request = read()
            result = self._obtain(request, progress)
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

    def _obtain(self, request: TokenRequest[P], progress: Progress) -> BearerToken:
        caller = self.identifier.identify(request.proof, progress)
        grant = decide(self.policy, caller, request)
        if isinstance(grant, Refusal):
            progress.notes.failed = grant.failed
            raise grant.error(grant.reason)
        progress.notes.rules = grant.rules
        if caller.once is None:
            return self.tokens.obtain(grant, caller, progress)
        if self.replay_control is None:
            raise BrokerFault("no replay control")
        # Checked before the mint, so that a replayed JWT costs no call of api2. Marked as used only after there is a
        # token: a failed mint must not use it up.
        self.replay_control.check(caller.once, progress)
        token = self.tokens.obtain(grant, caller, progress)
        self.replay_control.spend(caller.once, progress)
        return token

    def _record(
        self, request_id: str, outcome: Outcome, invocation: Invocation, notes: Notes, milliseconds: float
    ) -> AuditRecord:
        request, result = outcome.request, outcome.result
        error, token = (result, None) if isinstance(result, BrokerError) else (None, result)
        scopes, aud, credential = self._show_wishes(request, notes) if request else (None, None, None)
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
            scopes=scopes,
            aud=aud,
            credential=credential,
            granted_scopes=tuple(sorted(token.scopes)) if token else None,
            token_sha256=token.sha256 if token else None,
            token_expires_at=floor(token.expires_at) if token else None,
            milliseconds=round(milliseconds, 1),
        )

    def _show_wishes(self, request: TokenRequest[AnyProof], notes: Notes) -> tuple[tuple[str, ...] | None, str, str]:
        """Scopes, aud and credential of a request, as the record shows them."""
        scopes = () if request.scopes is None else tuple(sorted(request.scopes))
        aud, credential = request.aud, request.credential
        # Anybody may send a secret in the wrong field, and the record would keep it. So while the sender is not
        # verified, a name that the policy does not have is a question mark; scopes are one for all, with their number.
        if notes.subject is None:
            is_known = self.policy.names
            aud, credential = (name if is_known(name) else "?" for name in (aud, credential))
            known = tuple(filter(is_known, scopes))
            scopes = known if len(known) == len(scopes) else (*known, f"?{len(scopes) - len(known)}")
        return None if request.scopes is None else scopes, aud, credential
