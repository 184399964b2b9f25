"""Callers who invoke a function directly: their permission to invoke it is the proof, and the template names them."""

import re
from typing import Any, ClassVar

from broker.base.errors import CallerRefused, InvalidRequest, InvalidScope
from broker.base.progress import Progress
from broker.base.values import Value
from broker.caller.caller import INVOKE, Caller
from broker.policy.model import DEFAULT_AUD, DEFAULT_CREDENTIAL
from broker.request.request import TokenRequest, make_request


class InvokeProof(Value, frozen=True):
    """The fact that the function was invoked: IAM let the caller do it. `name` is set by the template."""

    name: str
    label: ClassVar[str] = "invoke"
    refusal: ClassVar[type[CallerRefused]] = CallerRefused


def read_invocation(event: Any, name: str) -> TokenRequest[InvokeProof]:
    """The request in a direct invocation: `scope` (a list), `aud`, `credential`. Raises InvalidRequest."""
    # A misspelt `scopes` would otherwise be overlooked, and the answer would hold all scopes of the caller.
    if not isinstance(event, dict) or not event.keys() <= {"scope", "aud", "credential"}:
        raise InvalidRequest("invocation", "Send an object with scope, aud and credential, all optional.")
    scope = event.get("scope", [])
    fields = {"aud": event.get("aud", DEFAULT_AUD), "credential": event.get("credential", DEFAULT_CREDENTIAL)}
    texts = [*scope, *fields.values()] if isinstance(scope, list) else [None]
    if not all(isinstance(text, str) and text for text in texts):
        raise InvalidRequest("invocation", "scope is a list of texts; aud and credential are texts.")
    # The form's reader splits at spaces and commas, so an item that holds one would become two scopes.
    if any(re.search("[ ,]", text) for text in scope):
        raise InvalidScope("scope is malformed", "Each item of scope is one name.")
    # An empty list stays there: it names no scope, and must not become a request for all of them.
    return make_request(InvokeProof(name), fields | ({"scope": " ".join(scope)} if "scope" in event else {}))


class InvokeIdentifier:
    """Trusts the permission to invoke the function. Nothing in the event says who the caller is."""

    def identify(self, proof: InvokeProof, progress: Progress) -> Caller:
        progress.notes.issuer, progress.notes.subject = INVOKE, proof.name
        return Caller(INVOKE, INVOKE, proof.name, {"sub": proof.name})
