"""A folder in place of a bucket: each file that is dropped there becomes an S3 event for the Assembly function, and the
Assembly's progress is told.

Nothing is uploaded: the sandbox imports no file.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import urllib3

from local.aws.account import ACCOUNT, REGION
from local.stack.options import PARAMETERS

_BUSY = ("ASSEMBLY_UPLOADING", "ASSEMBLY_EXECUTING", "ASSEMBLY_REPLAYING")


class Inbox:
    """Watches one folder. `look` does what is due."""

    def __init__(self, folder: Path, stack: Mapping[str, str], say: Callable[[str], None]) -> None:
        """`folder` is made anew if it is missing. `stack`: the members of stack.json."""
        self.folder = folder
        self._stack = stack
        self._say = say
        self._web = urllib3.PoolManager(retries=False, timeout=30)
        folder.mkdir(exist_ok=True)
        self._sizes: dict[str, tuple[int, float]] = {}  # of files that may still be written
        self._done = {path.name for path in folder.iterdir()}
        self._running: dict[str, tuple[str, str]] = {}  # by file name: the URL of its Assembly, and its last state

    def look(self) -> None:
        """Invoke the function for each new file that has stopped growing, and tell what became of earlier ones."""
        for path in sorted(self.folder.iterdir()):
            if path.name.startswith(".") or path.name in self._done or not path.is_file():
                continue
            stat = path.stat()
            seen, self._sizes[path.name] = self._sizes.get(path.name), (stat.st_size, stat.st_mtime)
            if seen == self._sizes[path.name]:
                self._done.add(path.name)
                self._try(self._drop, path)
        for name in [*self._running]:
            self._try(self._follow, self.folder / name)

    def _try(self, work: Callable[[Path], None], path: Path) -> None:
        try:
            work(path)
        except (urllib3.exceptions.HTTPError, ValueError, KeyError):
            # Otherwise the demo would end where the stack is busy, or api2 answers with something else.
            self._running.pop(path.name, None)
            self._say(f"{path.name}: no usable answer; the log says why")

    def _drop(self, path: Path) -> None:
        self._say(f"{path.name}: Object Created, sent to the Assembly function")
        answer = self._web.request("POST", self._stack["assembly_function_url"], json=make_event(path))
        body = answer.json()
        if answer.headers.get("x-amz-function-error"):
            self._say(f"{path.name}: {body['errorType']}: {body['errorMessage']}")
            return
        self._say(f"{path.name}: Assembly {body['assembly_id']}, {body['status']}")
        self._running[path.name] = body["assembly_url"], body["status"]

    def _follow(self, path: Path) -> None:
        name = path.name
        url, last = self._running[name]
        status = self._web.request("GET", url).json()
        state = str(status.get("error") or status.get("ok"))
        if state != last:
            self._running[name] = url, state
            self._say(f"{name}: {state}")
        if state not in _BUSY:
            del self._running[name]


def make_event(path: Path) -> dict[str, Any]:
    """What EventBridge sends for a new object of this name, size and content.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    content, now = path.read_bytes(), time.time()
    etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
    bucket = PARAMETERS["AssemblyBuckets"]
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": ACCOUNT,
        "time": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {"key": path.name, "size": len(content), "etag": etag, "sequencer": f"{int(now * 1e6):018X}"},
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": ACCOUNT,
            "source-ip-address": "127.0.0.1",
            "reason": "PutObject",
        },
    }
