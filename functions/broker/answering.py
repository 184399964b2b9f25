"""How every request is answered: with an outcome, and with exactly one audit record, also when the code fails."""

from collections.abc import Callable
from math import floor
from typing import Protocol

from msgspec.structs import asdict

from broker import __version__
from broker.aws.cloudwatch import log_failure
from broker.base.audit import AuditRecord, Notes, Sink, Wishes
from broker.base.errors import BrokerError, BrokerFault, CallerRefused, trace_places
from broker.base.invocation import Invocation
from broker.base.progress import Clock, Deadline, Progress
from broker.base.values import Value
from broker.policy.model import Policy
from broker.request.proof import AnyProof
from broker.signing.signer import Signed
from broker.token.bearer import BearerToken

_NOTHING = Wishes()


class AnyRequest(Protocol):
    """A request, of whatever it is for."""

    @property
    def proof(self) -> AnyProof: ...

    def describe(self, is_known: Callable[[str], bool]) -> Wishes: ...


class Outcome[T](Value, frozen=True):
    """What was asked for, or why there is none. `request` is None where it was malformed."""

    request: AnyRequest | None
    result: T | BrokerError


class Answering(Value, frozen=True):
    """Answers requests, and leaves one audit record of each in `sink`."""

    policy: Policy
    sink: Sink
    clock: Clock

    def answer[R: AnyRequest, T](
        self,
        request_id: str,
        read: Callable[[], R],
        give: Callable[[R, Progress], T],
        invocation: Invocation,
        deadline: Deadline,
        unread: Wishes = _NOTHING,
    ) -> Outcome[T]:
        """What `give` makes of the request that `read` makes of what was sent. Raises only what the sink raises.

        `unread`: what the record says of a request that cannot be read.
        """
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
        self.sink(self._record(request_id, outcome, invocation, progress.notes, milliseconds, unread))
        return outcome

    def _record[T](
        self,
        request_id: str,
        outcome: Outcome[T],
        invocation: Invocation,
        notes: Notes,
        milliseconds: float,
        unread: Wishes,
    ) -> AuditRecord:
        request, result = outcome.request, outcome.result
        error = result if isinstance(result, BrokerError) else None
        token = result if isinstance(result, BearerToken) else None
        # Anybody may send a secret in the wrong field, and the record would keep it. So while the sender is not
        # verified, names that the policy does not have are not shown.
        is_known = self.policy.names if notes.subject is None else _admit
        wishes = request.describe(is_known) if request else unread
        if notes.assembly is None:
            notes.assembly = wishes.assembly
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


def _admit(name: str) -> bool:
    return True
