"""The exchange, in order: identify the caller, decide, then obtain, sign or make. The steps meet only here."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Protocol

from broker.answering import Answering, Outcome
from broker.base.audit import AssemblyNotes, Wishes
from broker.base.errors import BrokerFault
from broker.base.invocation import Invocation
from broker.base.progress import Deadline, Progress
from broker.base.values import Value
from broker.caller.caller import Caller
from broker.decision import Refusal, decide
from broker.request.proof import AnyProof
from broker.request.request import TokenRequest
from broker.request.signature import SignatureRequest
from broker.signing.decision import decide_signing
from broker.signing.signer import Signed, Signer
from broker.token.bearer import BearerToken
from broker.token.obtain import BearerTokens

if TYPE_CHECKING:  # Loaded by the functions that need them.
    from broker.assembly.maker import AssemblyMaker, Made
    from broker.caller.replay import ReplayControl
    from broker.request.assembly import AssemblyRequest


class Identifies[P: AnyProof](Protocol):
    """Turns a proof of one kind into a caller."""

    def identify(self, proof: P, progress: Progress) -> Caller:
        """The verified caller. Raises a BrokerError where the proof is refused or cannot be verified now."""


class Exchange[P: AnyProof](Value, frozen=True):
    """Gives callers what the policy lets them have."""

    answering: Answering
    identifier: Identifies[P]
    tokens: BearerTokens
    signer: Signer
    replay_control: "ReplayControl | None" = None  # needed where an issuer of the policy says `once`
    maker: "AssemblyMaker | None" = None  # needed where Assemblies are made

    def give_token(
        self, request_id: str, read: Callable[[], TokenRequest[P]], invocation: Invocation, deadline: Deadline
    ) -> Outcome[BearerToken]:
        """The outcome of a request, which `read` makes of what was sent. Raises nothing but what the sink raises."""
        return self.answering.answer(request_id, read, self._obtain, invocation, deadline)

    def give_signature(
        self, request_id: str, read: Callable[[], SignatureRequest[P]], invocation: Invocation, deadline: Deadline
    ) -> Outcome[Signed]:
        """The same for a request for a signature."""
        return self.answering.answer(request_id, read, self._sign, invocation, deadline)

    def give_assembly(
        self, request_id: str, read: "Callable[[], AssemblyRequest[P]]", invocation: Invocation, deadline: Deadline
    ) -> "Outcome[Made]":
        """The same for a request for an Assembly."""
        # The record of an event that cannot be read is an event's, too. Else whoever may name a new object could ring
        # the alarms for callers who are refused.
        unread = Wishes(assembly=AssemblyNotes())
        return self.answering.answer(request_id, read, self._make, invocation, deadline, unread)

    def _obtain(self, request: TokenRequest[P], progress: Progress) -> BearerToken:
        caller = self.identifier.identify(request.proof, progress)
        grant = _allow(decide(self.answering.policy, caller, request), progress)
        progress.notes.rules = grant.rules
        return self._give(partial(self.tokens.obtain, grant, caller, progress), caller, progress)

    def _sign(self, request: SignatureRequest[P], progress: Progress) -> Signed:
        caller = self.identifier.identify(request.proof, progress)
        signing = _allow(decide_signing(self.answering.policy, caller, request), progress)
        progress.notes.rules = (signing.rule,)
        return self._give(partial(self.signer.sign, signing, caller, progress), caller, progress)

    def _make(self, request: "AssemblyRequest[P]", progress: Progress) -> "Made":
        from broker.assembly.decision import decide_assembly

        if self.maker is None:
            raise BrokerFault("no maker of Assemblies")
        caller = self.identifier.identify(request.proof, progress)
        assembling = _allow(decide_assembly(self.answering.policy, caller, request), progress)
        progress.notes.rules = assembling.grant.rules
        return self.maker.make(assembling, caller, progress)

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


def _allow[T](decision: T | Refusal, progress: Progress) -> T:
    """What was granted. Raises the error of a refusal."""
    if isinstance(decision, Refusal):
        progress.notes.failed = decision.failed
        raise decision.error(decision.reason, *([decision.description] if decision.description else []))
    return decision
