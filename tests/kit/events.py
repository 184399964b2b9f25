"""S3's events of new objects, as EventBridge and as S3's own notifications tell of them."""

from typing import Any
from urllib.parse import quote_plus

from tests.kit.handlers import event

VERSION = "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e"


def created(key: str, bucket: str = "originals") -> dict[str, Any]:
    """EventBridge's event of a new object."""
    sent = event("object-created")
    members = {"key": key, "version-id": VERSION}
    sent["detail"] |= {"bucket": {"name": bucket}, "object": sent["detail"]["object"] | members}
    return sent


def notified(key: str, bucket: str = "originals") -> dict[str, Any]:
    """S3's notification of the same object."""
    sent = event("s3-notification")
    s3 = sent["Records"][0]["s3"]
    # S3 writes keys as a form does: a space is a plus.
    members = {"key": quote_plus(key, safe="/"), "versionId": VERSION}
    s3 |= {"bucket": s3["bucket"] | {"name": bucket}, "object": s3["object"] | members}
    return sent
