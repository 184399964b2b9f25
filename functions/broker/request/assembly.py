"""A request for an Assembly: what was sent, checked by form alone.

{"template": "encode", "fields": {…}, "key": "…", "attempt": 0, "callback": {"durable": "<id>"}}
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeGuard

from broker.base.audit import AssemblyNotes, Wishes
from broker.base.errors import InvalidRequest
from broker.base.values import Value
from broker.policy.texts import is_literal
from broker.request.proof import AnyProof

MAX_NAME = 100  # characters of a Template's name in the policy
MAX_KEY = 4096  # characters
MAX_ATTEMPT = 99
MAX_FIELDS = 32
_FIELD = re.compile(r"[A-Za-z0-9_-]{1,64}")
# JSON can escape half of a surrogate pair, which is no character: no id could be made of it, and no log hold it.
_HALF = re.compile(r"[\ud800-\udfff]")
# https://docs.aws.amazon.com/lambda/latest/api/API_SendDurableExecutionCallbackSuccess.html
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
_CALLBACKS = {"durable": re.compile(r"[A-Za-z0-9+/]{1,1022}={0,2}"), "task": re.compile(r"[\x21-\x7E]{1,2048}")}

Source = Literal["invocation", "eventbridge", "s3"]


class Callback(Value, frozen=True):
    """What waits for the Assembly: a durable function, or a task of a state machine. `value` is what completes it."""

    hidden = ("value",)

    kind: Literal["durable", "task"]
    value: str


class AssemblyRequest[P: AnyProof](Value, frozen=True):
    """`key` tells events apart: two requests with one key are one Assembly, and `attempt` makes another of it.

    `source`: an event offers its fields, of which the policy takes those that its rule names.
    """

    hidden = ("fields", "key")

    proof: P
    template: str
    fields: Mapping[str, str]
    key: str
    attempt: int = 0
    callback: Callback | None = None
    source: Source = "invocation"

    def describe(self, is_known: Callable[[str], bool]) -> Wishes:
        """What the record says of it. A name that `is_known` denies is `?`."""
        template = self.template if is_known(self.template) else "?"
        return Wishes(assembly=AssemblyNotes(template=template, source=self.source, attempt=self.attempt))


def read_assembly[P: AnyProof](members: Any, proof: P) -> AssemblyRequest[P]:
    """The request in a direct invocation. Raises InvalidRequest."""
    known = {"template", "fields", "key", "attempt", "callback"}
    # A misspelt `atempt` would otherwise be overlooked, and the failed Assembly be found again.
    if not isinstance(members, dict) or not members.keys() <= known:
        description = "Send an object of template, key, fields, attempt and callback, with no other member."
        raise InvalidRequest("invocation", description)
    template, key, attempt = members.get("template"), members.get("key"), members.get("attempt", 0)
    if not _is_short(template, MAX_NAME) or not _is_short(key, MAX_KEY):
        description = f"template and key are needed: texts of at most {MAX_NAME} and {MAX_KEY} characters."
        raise InvalidRequest("template or key", description)
    if type(attempt) is not int or not 0 <= attempt <= MAX_ATTEMPT:
        raise InvalidRequest("attempt", f"attempt is a whole number from 0 to {MAX_ATTEMPT}.")
    fields, callback = _read_fields(members.get("fields", {})), _read_callback(members.get("callback"))
    return AssemblyRequest(proof, template, fields, key, attempt, callback)


def _is_short(value: object, limit: int) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= limit and not _HALF.search(value)


def _read_fields(fields: Any) -> dict[str, str]:
    if not isinstance(fields, dict) or len(fields) > MAX_FIELDS:
        raise InvalidRequest("fields", f"fields is an object of at most {MAX_FIELDS} texts.")
    for name, value in fields.items():
        if not _FIELD.fullmatch(name) or not isinstance(value, str):
            raise InvalidRequest("fields", "A field has a name of letters, digits, _ and -, and its value is a text.")
    check_fields(fields)
    return fields


def check_fields(fields: Mapping[str, str]) -> None:
    """Raises InvalidRequest where a value cannot be a field."""
    if not all(map(is_literal, fields.values())):
        description = "A field has at most 1,024 bytes, no ${ and no hidden characters."
        raise InvalidRequest("a field's value", description)


def _read_callback(callback: Any) -> Callback | None:
    if callback is None:
        return None
    description = "callback is an object with durable, a callback id, or task, a task token."
    if not isinstance(callback, dict) or len(callback) != 1:
        raise InvalidRequest("callback", description)
    kind, value = next(iter(callback.items()))
    if kind not in _CALLBACKS or not isinstance(value, str) or not _CALLBACKS[kind].fullmatch(value):
        raise InvalidRequest("callback", description)
    return Callback(kind, value)
