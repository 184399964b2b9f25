"""Callers who invoke a function directly: that they may is the proof, and the template says its name."""

import re
from typing import Any, ClassVar

from broker.base.errors import CallerRefused, InvalidRequest, InvalidScope
from broker.base.progress import Progress
from broker.base.values import Value
from broker.caller.caller import INVOKE, Caller
from broker.policy.model import DEFAULT_AUD, DEFAULT_CREDENTIAL
from broker.request.request import TokenRequest, make_request


class InvokeProof(Value, frozen=True):
    """That the function was invoked at all: the permission to invoke is the proof. `name`: set by the template."""

    name: str
    label: ClassVar[str] = "invoke"
    refusal: ClassVar[type[CallerRefused]] = CallerRefused


def read_invocation(event: Any, name: str) -> TokenRequest[InvokeProof]:
    """The request in a direct invocation: `scope` (a list), `aud`, `credential`. Raises InvalidRequest."""
    known = {"scope", "aud", "credential"}
    if not isinstance(event, dict) or not event.keys() <= known:
        raise InvalidRequest("invocation", "Send an object with scope, aud and credential, all optional.")
    scope = event.get("scope", [])
    texts = [event.get("aud", DEFAULT_AUD), event.get("credential", DEFAULT_CREDENTIAL)]
    if not isinstance(scope, list) or not all(isinstance(text, str) and text for text in [*scope, *texts]):
        raise InvalidRequest("invocation", "scope is a list of texts; aud and credential are texts.")
    if any(re.search("[ ,]", text) for text in scope):
        raise InvalidScope("scope is malformed", "Each item of scope is one name.")
    fields = {"aud": texts[0], "credential": texts[1]} | ({"scope": " ".join(scope)} if "scope" in event else {})
    return make_request(InvokeProof(name), fields)


class InvokeIdentifier:
    """Believes the template, which names who may invoke; nothing in the event."""

    def identify(self, proof: InvokeProof, progress: Progress) -> Caller:
        progress.notes.issuer, progress.notes.subject = INVOKE, proof.name
        return Caller(INVOKE, INVOKE, proof.name, {"sub": proof.name})
