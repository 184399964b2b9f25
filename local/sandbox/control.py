"""`/_sandbox/…`: endpoints by which tests and people steer the sandbox. They are not counted and meet no faults."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from typing import Any

from aiohttp import web

from local.loopback.guard import from_a_page
from local.sandbox.assemblies import Assemblies
from local.sandbox.clock import Clock, Pulse
from local.sandbox.errors import ApiError
from local.sandbox.faults import Faults
from local.sandbox.journal import Journal
from local.sandbox.model import new_id
from local.sandbox.notifications import Notifications, sign
from local.sandbox.store import Store
from local.sandbox.values import read_json

PREFIX = "/_sandbox/"
_FAR = 10**9  # seconds
_EXAMPLES = {
    "POST faults": '{"path": "/token", "times": 1, "status": 503}',
    "POST clock": '{"advance": 21600}',
    "POST workspace": '{"slug": "sandbox", "cancelled": true}',
    "POST fail": '{"assembly_id": "…", "error": "INTERNAL_COMMAND_ERROR"}',
    "POST squat": '{"assembly_id": "…", "workspace": "sandbox", "params": {}}',
    "POST execution": '{"seconds": 5}',
    "POST lag": '{"seconds": 5}',
    "POST notifications": '{"lost": true}',
    "POST forge": '{"assembly_id": "…", "status": {"ok": "ASSEMBLY_COMPLETED"}, "secret": "…"}',
}
_SWITCHES = {"require_signature", "cancelled", "enforce_aud"}


class Control:
    def __init__(
        self,
        store: Store,
        journal: Journal,
        faults: Faults,
        clock: Clock,
        pulse: Pulse,
        assemblies: Assemblies,
        notifications: Notifications,
    ) -> None:
        self._store = store
        self._journal = journal
        self._faults = faults
        self._clock = clock
        self._pulse = pulse
        self._assemblies = assemblies
        self._execution_seconds = assemblies.seconds
        self._notifications = notifications
        self._verbs: dict[str, Callable[[web.Request], Awaitable[Any]]] = {
            "GET calls": self._calls,
            "GET forms": self._forms,
            "GET log": self._log,
            "GET secrets": self._secrets,
            "POST reset": self._reset,
            "POST faults": self._fault,
            "POST clock": self._advance,
            "POST workspace": self._workspace,
            "POST fail": self._fail,
            "POST squat": self._squat,
            "POST execution": self._set_execution,
            "POST lag": self._lag,
            "POST notifications": self._set_notifications,
            "POST forge": self._forge,
        }

    async def answer(self, request: web.Request) -> web.Response:
        name = f"{request.method} {request.path.removeprefix(PREFIX)}"
        verb = self._verbs.get(name)
        page = from_a_page(request.headers)
        if page is not None:
            return web.json_response({"message": page}, status=403)
        try:
            if verb is None:
                raise ValueError(f"the controls are {', '.join(self._verbs)}")
            return web.json_response(await verb(request))
        except (ValueError, KeyError, TypeError) as error:
            example = _EXAMPLES.get(name)
            message = f"{error}; send such as {example}" if example else str(error)
            return web.json_response({"message": message}, status=400)
        except ApiError as error:
            return error.response()

    async def _calls(self, request: web.Request) -> Any:
        return dict(self._journal.calls)

    async def _forms(self, request: web.Request) -> Any:
        return list(self._journal.forms)

    async def _log(self, request: web.Request) -> Any:
        return [asdict(entry) for entry in self._journal.entries]

    async def _secrets(self, request: web.Request) -> Any:
        """The bearer tokens and the signatures that it has given out: whoever searches logs for them needs them."""
        return {"tokens": [*self._store.bearers], "signatures": [*self._notifications.signatures]}

    async def _reset(self, request: web.Request) -> Any:
        """Clear counters, faults, lag, losses and the time of executions. Tokens, Assemblies and all else stay."""
        self._journal.clear()
        self._faults.clear()
        self._assemblies.lag = 0
        self._assemblies.seconds = self._execution_seconds
        self._notifications.lost = False
        return {"ok": True}

    async def _fault(self, request: web.Request) -> Any:
        self._faults.add(await _body(request))
        return {"ok": True}

    async def _advance(self, request: web.Request) -> Any:
        """Move the clock forward by `advance` seconds."""
        seconds = (await _body(request))["advance"]
        if not isinstance(seconds, (int, float)) or not 0 <= seconds + self._clock.ahead <= _FAR:
            raise ValueError(f"advance is a number of seconds; {_FAR} at most in all")
        self._clock.ahead += seconds
        self._pulse.beat()
        return {"ok": True}

    async def _workspace(self, request: web.Request) -> Any:
        """Set switches of a Workspace."""
        body = await _body(request)
        workspace = self._store.workspaces.get(body.pop("slug", ""))
        is_right = body and body.keys() <= _SWITCHES and all(isinstance(value, bool) for value in body.values())
        if workspace is None or not is_right:
            raise ValueError(
                f"send a slug of {', '.join(self._store.workspaces)}, and {' or '.join(sorted(_SWITCHES))}"
            )
        self._store.workspaces[workspace.slug] = replace(workspace, **body)
        return {"ok": True}

    async def _fail(self, request: web.Request) -> Any:
        """Fail an Assembly that has not ended."""
        body = await _body(request)
        assembly = self._store.assembly(body["assembly_id"])
        if assembly.is_final(self._clock()):
            raise ValueError("the Assembly has ended already")
        self._assemblies.fail(assembly, str(body["error"]), "A failure that was asked for")
        return {"ok": True}

    async def _squat(self, request: web.Request) -> Any:
        """Let an Assembly be one of another Workspace, or of other `params`, as if those had taken its id first."""
        body = await _body(request)
        assembly = self._store.assembly(body["assembly_id"])
        workspace = body.get("workspace", assembly.key.workspace)
        key = next((key for key in self._store.keys.values() if key.workspace == workspace), None)
        if key is None:
            raise ValueError(f"no Auth Key of the Workspace {workspace}")
        assembly.key = key
        if "params" in body:
            assembly.instructions = replace(assembly.instructions, params=json.dumps(body["params"]))
        return {"ok": True}

    async def _set_execution(self, request: web.Request) -> Any:
        """Let Assemblies that are made from now on execute for so long."""
        self._assemblies.seconds = await _read_seconds(request)
        return {"ok": True}

    async def _lag(self, request: web.Request) -> Any:
        """Let every status that is asked for be as old as this."""
        self._assemblies.lag = await _read_seconds(request)
        return {"ok": True}

    async def _set_notifications(self, request: web.Request) -> Any:
        """Lose every notification from now on, or send them again."""
        lost = (await _body(request))["lost"]
        if not isinstance(lost, bool):
            raise ValueError("lost is true or false")
        self._notifications.lost = lost
        return {"ok": True}

    async def _forge(self, request: web.Request) -> Any:
        """Post a notification as somebody without the Auth Secret could. Returns what its receiver answered."""
        body = await _body(request)
        assembly = self._store.assembly(body["assembly_id"])
        status = assembly.status(self._clock()) | body.get("status", {})
        url = body.get("url") or assembly.instructions.notify_url
        if not isinstance(url, str):
            raise ValueError("the Assembly has no notify_url, so name a url")
        signature = sign(json.dumps(status), str(body.get("secret") or new_id()), assembly.key.signature_algo)
        code, text, error = await self._notifications.send(url, json.dumps(status), signature)
        return {"status": code, "body": text, "error": error}


async def _read_seconds(request: web.Request) -> float:
    """Raises ValueError."""
    seconds = (await _body(request))["seconds"]
    if not isinstance(seconds, (int, float)) or not 0 <= seconds <= _FAR:
        raise ValueError(f"seconds is a number from 0 to {_FAR}")
    return seconds


async def _body(request: web.Request) -> dict[str, Any]:
    """Raises ValueError."""
    body = await request.json(loads=read_json)
    if not isinstance(body, dict):
        raise ValueError("the body is a JSON object")
    return body
