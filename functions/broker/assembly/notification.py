"""A notification of api2: a POST that says how an Assembly ended. Nothing in it is believed before it is verified.

https://transloadit.com/docs/topics/assembly-notifications/
"""

import re
from collections.abc import Callable
from typing import Any, ClassVar

from broker.assembly.endpoint import COMPLETED, STOPPED
from broker.assembly.identity import hash_id
from broker.base import encoding
from broker.base.api2 import read_code
from broker.base.audit import AssemblyNotes, Wishes
from broker.base.errors import BrokerFault, CallerRefused, InvalidRequest
from broker.base.values import Value
from broker.request.http import HttpRequest
from broker.request.multipart import read_any_form

MAX_BODY = 1_000_000  # bytes; a status lists every file
_ID = re.compile(r"[0-9a-f]{32}")


class SealedCallback(Value, frozen=True):
    """What a notification shows first: the callback that the broker sealed into the Assembly's notify_url."""

    hidden = ("text",)

    text: str
    label: ClassVar[str] = "sealed callback"
    refusal: ClassVar[type[CallerRefused]] = CallerRefused


class NotificationRequest(Value, frozen=True):
    """A POST to `/notifications/<assembly_id>?c=<the sealed callback>`, whose body is not yet read."""

    hidden = ("assembly_id",)

    proof: SealedCallback
    assembly_id: str
    http: HttpRequest

    def describe(self, is_known: Callable[[str], bool]) -> Wishes:
        """What the record says of it. Text of a stranger that is no id is not shown, not even by its hash."""
        id_sha256 = hash_id(self.assembly_id) if _ID.fullmatch(self.assembly_id) else None
        return Wishes(assembly=AssemblyNotes(source="notification", id_sha256=id_sha256))


class Notification(Value, frozen=True):
    """The two fields of the body. `text` is the JSON that `signature` is for, byte for byte."""

    hidden = ("text", "signature")

    text: str
    signature: str


def make_notification_request(http: HttpRequest, event: Any) -> NotificationRequest:
    """The request in an event of API Gateway. Raises BrokerFault where the route has no id."""
    try:
        assembly_id = event["pathParameters"]["id"]
    except (KeyError, TypeError) as error:
        raise BrokerFault("no id in the route") from error
    # API Gateway joins what is repeated by commas, and with a comma no callback opens.
    sealed = (event.get("queryStringParameters") or {}).get("c") or ""
    return NotificationRequest(SealedCallback(sealed), assembly_id, http)


def read_notification(http: HttpRequest) -> Notification:
    """The body, URL-encoded or multipart. Raises InvalidRequest or one of its subclasses."""
    fields = read_any_form(http, MAX_BODY)
    text, signature = fields.get("transloadit"), fields.get("signature")
    if text is None or signature is None:
        raise InvalidRequest("not a notification", "Send the fields transloadit and signature.")
    return Notification(text, signature)


def says_ended(text: str, assembly_id: str) -> bool:
    """Whether a notification, whose signature was verified, says that the Assembly of this id ended.

    Raises InvalidRequest where it is none of this Assembly. The same secret signs Assembly parameters, URLs and Storage
    grants. None of these is an object with an `assembly_id`.
    """
    try:
        # It quotes names and metadata of files, as the status does.
        document = encoding.read_object(text.encode(), with_halves=True)
    except ValueError as error:
        raise InvalidRequest("what is signed is no notification", "transloadit is not a JSON object.") from error
    if document.get("assembly_id") != assembly_id:
        raise InvalidRequest("notification of another Assembly", "The notification is not of this Assembly.")
    return document.get("error") is not None or read_code(document, "ok") in STOPPED | {COMPLETED}
