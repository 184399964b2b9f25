"""The exchange, in order: identify the caller, decide, obtain the bearer token, record. The steps meet only here."""

from typing import Protocol

from broker.audit import AuditRecord, Notes, Sink
from broker.caller import Caller
from broker.deadline import Clock, Deadline
from broker.errors import BrokerError, BrokerFault
from broker.minting import BearerToken
from broker.policy import Grant, Policy, Refusal, decide
from broker.request import HttpRequest, Proof, TokenRequest, read_token_request
from broker.response import Response, granted, refused


class Verifies(Protocol):
    def verify(self, proof: Proof, deadline: Deadline, notes: Notes) -> Caller: ...


class Obtains(Protocol):
    def obtain(self, grant: Grant, caller: Caller, deadline: Deadline, notes: Notes) -> BearerToken: ...


class Exchange:
    """Answers every request and leaves one audit record of each, also when the code fails."""

    def __init__(self, policy: Policy, verifier: Verifies, minter: Obtains, sink: Sink, clock: Clock) -> None:
        self._policy = policy
        self._verifier = verifier
        self._minter = minter
        self._sink = sink
        self._clock = clock

    def __call__(self, http: HttpRequest, deadline: Deadline) -> Response:
        """The answer to a request for a token."""
        started = self._clock()
        notes = Notes(policy=self._policy.digest)
        request: TokenRequest | None = None
        error: BrokerError | None = None
        try:
            request = read_token_request(http)
            response = granted(self._token(request, deadline, notes), self._clock())
        except BrokerError as known:
            error, response = known, refused(known, http.request_id)
        except Exception as defect:  # noqa: BLE001 - a defect is answered and recorded like any other fault
            error = BrokerFault(_place(defect))
            response = refused(error, http.request_id)
        self._sink(_record(http, request, notes, error, (self._clock() - started) * 1000))
        return response

    def _token(self, request: TokenRequest, deadline: Deadline, notes: Notes) -> BearerToken:
        caller = self._verifier.verify(request.proof, deadline, notes)
        decision = decide(self._policy, caller, request)
        if isinstance(decision, Refusal):
            notes.failed = decision.failed
            raise decision.error(decision.reason)
        notes.rules = decision.rules
        return self._minter.obtain(decision, caller, deadline, notes)


def _place(defect: Exception) -> str:
    """What failed and where, without the message, which could quote a secret."""
    trace = defect.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else "unknown"
    return f"defect: {type(defect).__name__} in {where}"


def _record(
    http: HttpRequest, request: TokenRequest | None, notes: Notes, error: BrokerError | None, milliseconds: float
) -> AuditRecord:
    return AuditRecord(
        request_id=http.request_id,
        outcome=type(error).__name__ if error else "granted",
        status=error.status if error else 200,
        reason=error.reason if error else None,
        issuer=notes.issuer,
        subject=notes.subject,
        scopes=tuple(sorted(request.scopes)) if request and request.scopes is not None else None,
        aud=request.aud if request else None,
        credential=request.credential if request else None,
        proof=request.proof.form.value if request else None,
        policy=notes.policy,
        rules=notes.rules,
        failed=notes.failed,
        cache=notes.cache,
        upstream_status=notes.upstream_status,
        upstream_error=notes.upstream_error,
        mints=notes.mints,
        token_sha256=notes.token_sha256,
        milliseconds=round(milliseconds, 1),
        alarms=tuple(sorted(notes.alarms)),
    )
