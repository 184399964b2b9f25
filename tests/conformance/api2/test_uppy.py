"""Uppy in Chromium, unmodified: a site's server signs for it, it uploads by tus, and waits by events or by asking."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from local.sandbox.model import AuthKey
from tests.kit.api2 import KEY, READER, STEPS, Api2, sign
from tests.kit.chromium import browser
from tests.kit.node import Node, Script
from tests.kit.official import FOLDER
from tests.kit.servers import serving
from tests.kit.waiting import wait_until

BY_EVENTS = ["assembly-created", "upload", "assembly-executing", "result", "complete"]
BY_ASKING = ["assembly-created", "assembly-executing", "upload", "result", "complete"]


@pytest.fixture(scope="session")
def uppy() -> Iterator[Script]:
    with browser() as running:
        yield running


@pytest.fixture(scope="session")
def page(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of a site: the page, Uppy, and the few lines around it."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "index.html").write_text('<!doctype html><p id="result"></p><script src="page.js"></script>')
    esbuild = [*node, "node_modules/esbuild/bin/esbuild", "page.mjs", "--bundle", "--log-level=warning"]
    subprocess.run([*esbuild, f"--outfile={folder}/page.js"], cwd=FOLDER, check=True)
    return folder


def signed(key: AuthKey = KEY, **auth: Any) -> dict[str, Any]:
    """`assemblyOptions` as a site's server makes them."""
    expires = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    params = json.dumps({"auth": {"key": key.key, "expires": expires, **auth}, "steps": STEPS})
    return {"params": params, "signature": sign(params, key), "fields": {"who": "alice"}}


class Site:
    """The server of a page with Uppy. `token`: what it makes Assemblies with, for a page without a signature.

    It stands for a broker, too, which may have a `refusal`.
    """

    origin: str

    def __init__(self, folder: Path, api2: Api2) -> None:
        self._folder = folder
        self._api2 = api2.origin
        self.token = ""
        self.refusal: dict[str, str] = {}

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/options", self.options)
        app.router.add_post("/signature", self.sign_as_broker)
        app.router.add_post("/assemblies", self.assemblies)
        app.router.add_static("/", self._folder)
        return app

    async def options(self, _: web.Request) -> web.Response:
        return web.json_response(signed())

    async def sign_as_broker(self, request: web.Request) -> web.Response:
        """Answer as a broker does whose policy has a Template named `note`."""
        assert request.headers["authorization"] == "Bearer a.b.c"
        if self.refusal:
            return web.json_response(self.refusal, status=403)
        assert await request.json() == {"kind": "assembly", "template": "note"}
        made = signed()
        answer = {"params": made["params"], "signature": made["signature"], "expires_at": "2027-01-15T08:05:00Z"}
        return web.json_response(answer)

    async def assemblies(self, request: web.Request) -> web.Response:
        headers = {"authorization": f"Bearer {self.token}", "content-type": request.headers["content-type"]}
        async with aiohttp.ClientSession() as session:
            answer = await session.post(f"{self._api2}/assemblies", data=await request.read(), headers=headers)
            return web.Response(status=answer.status, body=await answer.read(), content_type="application/json")


Upload = Callable[..., Any]


@pytest.fixture
def site(page: Path, api2: Api2) -> Site:
    return Site(page, api2)


@pytest.fixture
def upload(uppy: Script, site: Site, api2: Api2) -> Iterator[Upload]:
    """Upload a note by the page. Returns its report, its messages, and the URLs outside loopback that it requested."""
    with serving(site.app) as site.origin:

        def run(**given: Any) -> Any:
            given = {"service": api2.origin, "content": "a note"} | given
            return uppy.ask(url=f"{site.origin}/index.html", given=given)

        yield run


def test_uppy_with_a_signature_made_beforehand_waits_by_events(upload: Upload) -> None:
    told = upload(options=signed())
    assert (told["shown"], told["uploaded"], told["events"]) == ("ASSEMBLY_COMPLETED", 1, BY_EVENTS)
    (kept,) = told["assembly"]["uploads"]
    assert (kept["name"], kept["field"], kept["size"], kept["mime"]) == ("note.txt", "file", 6, "text/plain")
    assert told["assembly"]["fields"] == {"who": "alice"}
    assert [result["original_id"] for result in told["assembly"]["results"]["resized"]] == [kept["id"]]
    assert told["elsewhere"] == []


def test_uppy_with_a_signature_for_each_upload_waits_by_polling(upload: Upload, api2: Api2) -> None:
    api2.control("faults", path="/updates", status=503)
    told = upload(options_url="/options")
    assert (told["shown"], told["uploaded"], told["events"]) == ("ASSEMBLY_COMPLETED", 1, BY_ASKING)


def test_uppy_with_the_token_source_uploads_by_a_signature_of_the_broker(upload: Upload, site: Site) -> None:
    told = upload(broker=site.origin)
    assert (told["shown"], told["uploaded"], told["events"]) == ("ASSEMBLY_COMPLETED", 1, BY_EVENTS)
    assert told["elsewhere"] == []


def test_a_refusal_of_the_broker_is_the_error_that_uppy_shows(upload: Upload, site: Site) -> None:
    site.refusal = {"error": "access_denied", "message": "No rule matches."}
    told = upload(broker=site.origin)
    assert told["shown"] == "No rule matches. (docs/frontends.md#access_denied)"
    assert (told["error"]["code"], told["events"]) == ("access_denied", [])


def test_uppy_uploads_to_an_assembly_that_its_site_made_with_a_bearer_token(
    upload: Upload, site: Site, api2: Api2
) -> None:
    site.token = api2.bearer("assemblies:write")
    told = upload(service=None, options={"params": {"auth": {"key": KEY.key}, "steps": STEPS}})
    assert (told["shown"], told["uploaded"], told["events"]) == ("ASSEMBLY_COMPLETED", 1, BY_EVENTS)


REFUSED = {
    "a wrong secret": (replace(KEY, secret="guessed"), "INVALID_SIGNATURE"),
    "a key without the scope": (READER, "INSUFFICIENT_AUTH_SCOPE"),
}


@pytest.mark.parametrize(("key", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_a_refusal_is_uppy_s_own_error_and_is_shown(upload: Upload, key: AuthKey, code: str) -> None:
    # Signed now: a signature that was made when the tests were collected may have ended.
    told = upload(options=signed(key))
    assert told["shown"] == f"Transloadit: Could not create Assembly: {code}"
    assert (told["error"]["cause"], told["events"]) == (code, [])
    # It wants to tell Transloadit of every error, whatever `errorReporting` says; this Chromium resolves no name.
    assert set(told["elsewhere"]) == {"https://transloaditstatus.com/client_error"}


def test_a_file_that_is_too_large_fails_with_its_assembly(upload: Upload, api2: Api2) -> None:
    told = upload(options=signed(max_size=3))
    assert told["uploaded"] == 0
    # Whichever comes first: the answer of tus, or the event.
    assert re.search("response code: 413|larger", told["shown"])
    (failed,) = api2.signed("GET", "/assemblies", type="failed")[1]["items"]
    assert failed["error"] == "MAX_SIZE_EXCEEDED"


@pytest.mark.parametrize("seconds", [60])
def test_an_assembly_that_is_cancelled_meanwhile_ends(upload: Upload, api2: Api2) -> None:
    told = upload(options=signed(), cancel=True)
    assert told["events"][-1] == "assembly-cancelled"
    assert api2.status(told["assembly"])["ok"] == "ASSEMBLY_CANCELED"


@pytest.mark.parametrize("seconds", [60])
def test_an_assembly_that_fails_is_an_error_of_uppy(upload: Upload, api2: Api2) -> None:
    with ThreadPoolExecutor() as threads:
        telling = threads.submit(upload, options=signed())
        wait_until(lambda: executing(api2) != [])
        api2.control("fail", assembly_id=executing(api2)[0]["id"], error="INTERNAL_COMMAND_ERROR")
        told = telling.result()
    assert "assembly-error" in told["events"]
    assert (told["shown"], told["uploaded"]) == ("A failure that was asked for", 0)


def executing(api2: Api2) -> list[dict[str, Any]]:
    return list(api2.signed("GET", "/assemblies", type="executing")[1]["items"])
