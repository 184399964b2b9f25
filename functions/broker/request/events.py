"""What invoked the Assembly function becomes requests: its own form, and new objects of S3 as EventBridge or S3's own
notifications tell of them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn
from urllib.parse import unquote_plus

from broker.base.encoding import read_json
from broker.base.errors import AccessDenied, InvalidRequest
from broker.base.values import Value
from broker.request.assembly import AssemblyRequest, Source, check_fields, read_assembly
from broker.request.proof import AnyProof

# What a data class of Powertools raises where an event is not of its form.
_NOT_OF_ITS_FORM = (LookupError, TypeError, AttributeError, ValueError)

# Reads one request. Raises InvalidRequest or AccessDenied.
type Read[P: AnyProof] = Callable[[], AssemblyRequest[P]]


class Events[P: AnyProof](Value, frozen=True):
    """What a deployment makes of events: whose requests they are, which Template they get, whose buckets count."""

    proof: P
    template: str
    buckets: frozenset[str]

    def split(self, event: Any) -> list[Read[P]]:
        """The requests in an event, each still to be read, so that each has an audit record. S3's test event has none.

        S3 sends that one when a notification is set up: it is about no object. Nor has a folder one.
        """
        if not isinstance(event, dict):
            return [partial(read_assembly, event, self.proof)]
        if event.get("Event") == "s3:TestEvent":
            return []
        if "detail-type" in event:
            return [] if _is_folder(event.get("detail")) else [partial(self._read_eventbridge, event)]
        if "Records" not in event:
            return [partial(read_assembly, event, self.proof)]
        records = event["Records"]
        if not isinstance(records, list) or not records:
            return [partial(_refuse, "Records is a list of one or more records of S3 or SQS.")]
        return [
            partial(self._read_notification, record)
            for record in records
            if not (isinstance(record, dict) and _is_folder(record.get("s3")))
        ]

    def split_text(self, body: str) -> list[Read[P]]:
        """The same of an event that is JSON in a message's body, or of one that Lambda kept after it failed.

        https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
        """
        try:
            event = read_json(body.encode())
        except ValueError:
            return [partial(_refuse, "The message's body is not JSON; send the function's own form or an event of S3.")]
        # The dead letters hold messages beside what Lambda kept, and whoever sends them again moves the whole queue.
        is_kept = isinstance(event, dict) and {"requestContext", "requestPayload"} <= event.keys()
        return self.split(event["requestPayload"] if is_kept else event)

    def _read_eventbridge(self, event: dict[str, Any]) -> AssemblyRequest[P]:
        # Powertools' data classes of all services are one package, whose import takes 45 ms. The own form needs none.
        from aws_lambda_powertools.utilities.data_classes.s3_event import S3EventBridgeNotificationEvent

        happened = S3EventBridgeNotificationEvent(event)
        if (happened.get("source"), happened.detail_type) != ("aws.s3", "Object Created"):
            _refuse(
                "Of EventBridge's events only aws.s3's Object Created makes an Assembly; narrow the rule's pattern."
            )
        try:
            found = happened.detail.object
            created = {
                "bucket": happened.detail.bucket.name,
                # EventBridge writes keys as they are. The data class decodes them all the same, and would make another
                # object's key of one that holds a plus or a percent sign.
                "key": found.get("key"),
                "version_id": found.get("version-id"),
                "etag": found.etag or None,
                "size": found.size,
                "sequencer": found.get("sequencer"),
            }
        except _NOT_OF_ITS_FORM:
            _refuse("The event is not of the form of S3's Object Created; send it as EventBridge does.")
        return self._make_request(created, "eventbridge")

    def _read_notification(self, record: Any) -> AssemblyRequest[P]:
        from aws_lambda_powertools.utilities.data_classes.s3_event import S3EventRecord

        happened = S3EventRecord(record)
        try:
            is_created = happened.event_source == "aws:s3" and happened.event_name.startswith("ObjectCreated:")
            found = happened.s3.get_object
            created = {
                "bucket": happened.s3.bucket.name,
                # S3 writes keys as a form does: a space is a plus. Bytes that are no UTF-8 must not become the same
                # character in two keys.
                "key": unquote_plus(found.key, errors="strict"),
                "version_id": found.version_id,
                "etag": found.etag or None,
                "size": found.get("size"),
                "sequencer": found.get("sequencer"),
            }
        except _NOT_OF_ITS_FORM:
            _refuse("A record is not of the form of S3's notifications; send it as S3 does.")
        if not is_created:
            _refuse("Of S3's notifications only ObjectCreated makes an Assembly; narrow the bucket's configuration.")
        return self._make_request(created, "s3")

    def _make_request(self, created: dict[str, Any], source: Source) -> AssemblyRequest[P]:
        """The request of an object, the same by both ways: whoever sets up both gets one Assembly of each object."""
        # An object that is written while versioning is suspended has the version `null`, and so has the next one of its
        # key. As a version it would make the second object the same event as the first.
        if created["version_id"] in ("", "null"):
            created["version_id"] = None
        if type(created["size"]) is int:
            created["size"] = str(created["size"])
        fields = {name: value for name, value in created.items() if value is not None}
        if not all(isinstance(value, str) and value for value in fields.values()):
            _refuse("A member of the object is of another type than in S3's own events.")
        if not {"bucket", "key"} <= fields.keys() or {"version_id", "sequencer"}.isdisjoint(fields):
            _refuse("The event needs a bucket, a key, and a version or a sequencer.")
        if not self.template or fields["bucket"] not in self.buckets:
            description = (
                "No Assembly is made of this bucket's events; see the parameters AssemblyBuckets, AssemblyTemplate."
            )
            raise AccessDenied("bucket is not in AssemblyBuckets", description)
        check_fields(fields)
        # A hexadecimal number, which one way may write in other letters than the other.
        sequencer = fields.pop("sequencer", "").upper()
        told_apart_by = ["version", fields["version_id"]] if "version_id" in fields else ["sequencer", sequencer]
        key = json.dumps(["s3", fields["bucket"], fields["key"], *told_apart_by], ensure_ascii=False)
        return AssemblyRequest(self.proof, self.template, fields, key, source=source)


def _is_folder(detail: Any) -> bool:
    """Whether an event tells of a folder that somebody made in S3's console: an empty object with a slash at its end.

    Of such a path `/s3/import` takes all files that begin so: each new folder would encode everything below it anew.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-folders.html
    """
    match detail:
        case {"object": {"key": str(key), "size": 0}}:
            return key.endswith("/")
    return False


def _refuse(description: str) -> NoReturn:
    raise InvalidRequest("event", description)
