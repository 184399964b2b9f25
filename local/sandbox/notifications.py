"""Assembly Notifications: posts the status of an ended Assembly to its `notify_url`, on this machine only.

https://transloadit.com/docs/topics/assembly-notifications/
"""

import asyncio
import hmac
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from broker.base.net import LOOPBACK

from local.sandbox.assembly import Assembly
from local.sandbox.call import Answer, Call
from local.sandbox.clock import Pulse, gmt, iso
from local.sandbox.errors import ApiError
from local.sandbox.instructions import read_notify_url
from local.sandbox.model import new_id
from local.sandbox.store import Store

PAUSES = (0, 4, 8, 16, 32)  # seconds before each attempt: five attempts within a minute
_TIMEOUT = aiohttp.ClientTimeout(total=10)


class Notifications:
    def __init__(self, store: Store, clock: Callable[[], float], pulse: Pulse) -> None:
        self._store = store
        self._clock = clock
        self._pulse = pulse
        self._tasks: set[asyncio.Task[None]] = set()
        self.lost = False  # whether no notification arrives
        self.signatures: deque[str] = deque(maxlen=10_000)  # of the last notifications

    async def running(self, app: web.Application) -> AsyncIterator[None]:
        """Notify as long as the application runs, and cancel what remains when it ends."""
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as self._web:
            yield
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def follow(self, assembly: Assembly) -> None:
        """If the Assembly has a notify_url, notify it when the Assembly has ended."""
        if assembly.instructions.notify_url:
            self._start(self._notify(assembly, assembly.instructions.notify_url))

    async def list(self, call: Call) -> Answer:
        items = [*self._store.assembly(call.path("id")).notifications]
        return {"count": len(items), "items": items}

    async def replay(self, call: Call) -> Answer:
        """Notify again, at the same URL or at another one. Waits for the outcome unless `wait` is false."""
        assembly = self._store.assembly(call.path("id"), call.workspace)
        if not assembly.is_final(self._clock()):
            raise ApiError("ASSEMBLY_NOT_FINISHED", "The Assembly has not ended yet")
        url = read_notify_url(call.params.get("notify_url", assembly.instructions.notify_url))
        if url is None:
            raise ApiError("ASSEMBLY_NO_NOTIFY_URL", "The Assembly has no notify_url")
        id_, ok = new_id(), "ASSEMBLY_NOTIFICATION_REPLAYING"
        if call.params.get("wait", True) is False:
            self._start(self._post(assembly, url, id_))
        else:
            await self._post(assembly, url, id_)
            ok = "ASSEMBLY_NOTIFICATION_REPLAYED"
        return {"ok": ok, "success": True, "notification_id": id_}

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _notify(self, assembly: Assembly, url: str) -> None:
        while not assembly.is_final(self._clock()):
            await self._pulse.wait(assembly.pause(self._clock()))
        for pause in PAUSES:
            due = self._clock() + pause
            while (left := due - self._clock()) > 0:
                await self._pulse.wait(min(left, 15))
            await self._post(assembly, url, new_id())
            if assembly.notified["notify_status"] == "successful":
                break

    async def _post(self, assembly: Assembly, url: str, id_: str) -> None:
        """Make one attempt, and record it in the Assembly."""
        begun = self._clock()
        status = json.dumps(assembly.status(begun))
        signature = sign(status, assembly.key.secret, assembly.key.signature_algo)
        self.signatures.append(signature)
        lost = (None, None, "lost, as it was asked for")
        code, data, error = lost if self.lost else await self.send(url, status, signature)
        assembly.notified = {
            "notify_start": gmt(begun),
            # Every 2xx accepts a notification: https://transloadit.com/docs/api/webhooks/
            "notify_status": "successful" if code is not None and 200 <= code < 300 else "failed",
            "notify_response_code": code,
            "notify_response_data": data,
            "notify_error": error,
            "notify_duration": self._clock() - begun,
        }
        assembly.notifications.append(
            {
                "id": id_,
                "assembly_id": assembly.id,
                "account_id": assembly.key.workspace,
                "url": url,
                "response_code": code,
                "response_data": data,
                "error": error,
                "duration": self._clock() - begun,
                "created": iso(begun),
            }
        )

    async def send(self, url: str, status: str, signature: str) -> tuple[int | None, str | None, str | None]:
        """Post a status once. Returns status and body of the answer, or the error.

        The form is URL-encoded, as in the official client's live tests and the vendor's relay. Older pages of the
        documentation say multipart.
        """
        if urlsplit(url).hostname not in LOOPBACK:
            return None, None, "the sandbox notifies this machine only"
        fields = {"transloadit": status, "signature": signature}
        try:
            async with self._web.post(url, data=fields, allow_redirects=False) as answer:
                return answer.status, (await answer.text(errors="replace"))[:1000], None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return None, None, type(error).__name__


def sign(status: str, secret: str, algorithm: str | None) -> str:
    """The signature of a status: with the Auth Secret of the key that made the Assembly, even by a bearer token."""
    name = algorithm or "sha384"
    return f"{name}:{hmac.digest(secret.encode(), status.encode(), name).hex()}"
