"""The demo page: built from `examples/static-site` where the machine has Node, and served at a port of its own."""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from aiohttp import web

from infra.sam import ROOT
from local.command import say
from local.node import NodeTools, find_node
from local.stack.plan import StackInfo

SOURCE, CLIENT = ROOT / "examples/static-site", ROOT / "clients/browser"
_NO_NODE = "the demo page needs Node 20 or newer: install it (https://nodejs.org), then start the stack again"
_MADE = ("node_modules", "dist")


def built_site(cache: Path, source: Path = SOURCE) -> Path:
    """The folder with the built page. Without Node, or where its packages are out of reach, it says so itself."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "site.lock").open("w") as lock:
        # Test processes start stacks at the same time, and share this folder.
        fcntl.flock(lock, fcntl.LOCK_EX)
        built = cache / f"site-{_hash_files(source, CLIENT)}"
        if built.exists():
            return built
        tools = find_node(cache / "node")
        if tools is None:
            return _explain(cache / "site-missing", _NO_NODE)
        say("building the demo page")
        try:
            _build(tools, source, cache, built)
        except subprocess.CalledProcessError as error:
            # The stack is of use without the page, such as where npm's registry cannot be reached.
            reason = (error.stderr or "").strip()[-300:]
            return _explain(cache / "site-missing", f"the demo page was not built: {reason}")
        return built


def _build(tools: NodeTools, source: Path, cache: Path, target: Path) -> None:
    """Build as a site's owner would: locked packages, and the client in the form in which it is published."""
    tools.install_locked(source)
    with TemporaryDirectory(dir=cache) as scratch:
        tools.install(tools.pack(CLIENT, Path(scratch)), source)
    unfinished = cache / "site-unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    subprocess.run([tools.node, "build.mjs", unfinished], cwd=source, check=True, capture_output=True, text=True)
    unfinished.rename(target)


def lay_site(built: Path, target: Path) -> None:
    """Make `target` a copy of the built page, so that a running stack does not change under its visitors."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(built, target)


def _explain(folder: Path, message: str) -> Path:
    say(message)
    folder.mkdir(exist_ok=True)
    (folder / "index.html").write_text(f'<!doctype html><html lang="en"><title>No page</title><p>{message}.</p></html>')
    return folder


def _hash_files(*folders: Path) -> str:
    found = hashlib.sha256()
    for folder in folders:
        # Of thousands of files in node_modules none is read, nor looked for.
        for entry in sorted(each for each in folder.iterdir() if each.name not in _MADE):
            for file in [entry] if entry.is_file() else sorted(entry.rglob("*")):
                if file.is_file():
                    found.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes())
    return found.hexdigest()[:16]


def site_app(info: StackInfo, folder: Path) -> web.Application:
    """Serve the built page, with its configuration and the headers that a deployed site has, too."""
    headers = {
        "content-security-policy": content_policy(info),
        "cross-origin-resource-policy": "same-origin",  # the configuration holds the audience
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }
    config = {
        "issuer": info.issuer_url,
        "clientId": info.audience,
        "broker": info.broker_url,
        "api2": info.api2_url,
        "uploads": "uploads",
        "pictures": "pictures",
    }

    async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(headers)

    async def show_index(_: web.Request) -> web.FileResponse:
        return web.FileResponse(folder / "index.html")

    async def show_config(_: web.Request) -> web.Response:
        return web.json_response(config)

    app = web.Application()
    app.on_response_prepare.append(add_headers)
    app.router.add_get("/", show_index)
    app.router.add_get("/config.json", show_config)
    app.router.add_static("/", folder)
    return app


def content_policy(info: StackInfo) -> str:
    """No script but the site's own files, and no host but those of the stack, as `infra/site.yaml` says it."""
    is_real = urlsplit(info.api2_url).scheme == "https"
    uploads = "https://*.transloadit.com" if is_real else info.api2_url
    pictures = "https://*.tlcdn.com https://*.transloadit.com" if is_real else info.api2_url
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
        f"img-src 'self' blob: data: {pictures}; connect-src 'self' {info.broker_url} {info.issuer_url} {uploads}; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
