"""A folder in place of a bucket: each file that is dropped there becomes an S3 event for the Assembly function, and the
Assembly's progress is told.

Nothing is uploaded: the sandbox imports no file.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import urllib3

from local.aws.account import ACCOUNT, REGION
from local.stack.options import PARAMETERS

type Written = tuple[int, float]  # size in bytes, and time of the last change in seconds

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
        self._writing: dict[str, Written] = {}  # of files that may still be written
        self._done = {path.name: read_writing(path) for path in folder.iterdir() if path.is_file()}
        self._running: dict[str, tuple[str, str]] = {}  # by file name: the URL of its Assembly, and its last state

    def look(self) -> None:
        """Invoke the function for each file that was written and has stopped growing, and tell what became of earlier
        ones.
        """
        self.folder.mkdir(exist_ok=True)
        for path in sorted(self.folder.iterdir()):
            if path.is_file() and not path.name.startswith("."):
                self._try(self._check, path)
        for name in [*self._running]:
            self._try(self._follow, self.folder / name)

    def _try(self, work: Callable[[Path], None], path: Path) -> None:
        try:
            work(path)
        except (urllib3.exceptions.HTTPError, ValueError, KeyError):
            # Otherwise the demo would end where the stack is busy, or api2 answers with something else.
            self._running.pop(path.name, None)
            self._tell(path.name, "no usable answer; the log says why")
        except OSError as error:
            # A file that may not be read, or that was moved away meanwhile.
            self._tell(path.name, str(error.strerror))

    def _check(self, path: Path) -> None:
        written = read_writing(path)
        if written == self._done.get(path.name):
            return
        before, self._writing[path.name] = self._writing.get(path.name), written
        if written == before:
            self._done[path.name] = written
            self._drop(path)

    def _drop(self, path: Path) -> None:
        if not is_key(path.name):
            self._tell(path.name, "nothing is sent, since the key of an object is UTF-8; give it another name")
            return
        event = make_event(path)
        self._tell(path.name, "Object Created, sent to the Assembly function")
        answer = self._web.request("POST", self._stack["assembly_function_url"], json=event)
        body = answer.json()
        if answer.headers.get("x-amz-function-error"):
            self._tell(path.name, f"{body['errorType']}: {body['errorMessage']}")
            return
        if "assembly_url" not in body:  # the rule says `output: none`
            self._tell(path.name, f"an Assembly, {body['status']}")
            return
        self._tell(path.name, f"Assembly {body['assembly_id']}, {body['status']}")
        self._running[path.name] = body["assembly_url"], body["status"]

    def _follow(self, path: Path) -> None:
        name = path.name
        url, last = self._running[name]
        status = self._web.request("GET", url).json()
        state = str(status.get("error") or status.get("ok"))
        if state != last:
            self._running[name] = url, state
            self._tell(name, state)
        if state not in _BUSY:
            del self._running[name]

    def _tell(self, name: str, text: str) -> None:
        # Raw, an escape sequence in a file's name would be one of the terminal's, and half a character end the demo.
        self._say(f"{name if name.isprintable() else repr(name)}: {text}")


def is_key(name: str) -> bool:
    """Whether an object of S3 can have a file's name: in Python a byte that is not UTF-8 is half a surrogate pair.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_writing(path: Path) -> Written:
    stat = path.stat()
    return stat.st_size, stat.st_mtime


def make_event(path: Path) -> dict[str, Any]:
    """What EventBridge sends for a new object of this name, size and content.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    now = time.time()
    with path.open("rb") as file:  # in pieces: a film may be larger than the memory
        etag = hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest()
    size = path.stat().st_size
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
            "object": {"key": path.name, "size": size, "etag": etag, "sequencer": f"{int(now * 1e6):018X}"},
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": ACCOUNT,
            "source-ip-address": "127.0.0.1",
            "reason": "PutObject",
        },
    }
