"""A client and operator of the api2 sandbox. Its defaults are valid, so that a test changes only what it is about."""

import base64
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import urllib3

from local.sandbox.model import AuthKey

NOW = 1_800_000_000.0  # 2027-01-15
KEY = AuthKey("key-1", "secret-1")
NARROW = AuthKey("key-2", "secret-2", ("assemblies:read", "assemblies:write", "templates:read"))
READER = AuthKey("key-3", "secret-3", ("read",))
PINNED = AuthKey("key-4", "secret-4", ("assemblies:read",), signature_algo="sha256")
OTHERS = AuthKey("key-5", "secret-5", workspace="others")
UPLOADS = AuthKey("key-6", "secret-6", ("assemblies:write",), signature_algo="sha384")
GRANT = {"grant_type": "client_credentials"}
FORM = "application/x-www-form-urlencoded"
PNG = b"\x89PNG\r\n\x1a\n a picture"
IN_AN_HOUR = int(NOW + 3600) * 1000  # milliseconds, as Smart CDN counts
STEPS = {"resized": {"robot": "/image/resize", "use": ":original"}}

Answer = tuple[int, Any]


def sign(params: str, key: AuthKey, algorithm: str = "sha384") -> str:
    """As clients do; `bare-sha1` leaves the prefix out."""
    digest = hmac.digest(key.secret.encode(), params.encode(), algorithm.removeprefix("bare-")).hex()
    return digest if algorithm.startswith("bare-") else f"{algorithm}:{digest}"


def signed_url(input_: str = "users/alice/a.png", **changes: Any) -> str:
    """A Smart CDN URL, signed as Transloadit's signer does it.

    `changes`: of `key`, `template`, `workspace`, and of the query.
    """
    key, template = changes.pop("key", KEY), changes.pop("template", "serve-thumb")
    workspace = changes.pop("workspace", "sandbox")
    query = urlencode(sorted({"auth_key": key.key, "exp": str(IN_AN_HOUR), "w": "200", **changes}.items()))
    path = f"{workspace}/{quote(template, safe='')}/{quote(input_, safe='')}"
    digest = hmac.digest(key.secret.encode(), f"{path}?{query}".encode(), "sha256").hex()
    return f"/smart-cdn/{path}?{query}&sig=sha256%3A{digest}"


class Api2:
    def __init__(self, origin: str) -> None:
        self.origin = origin
        self._web = urllib3.PoolManager(retries=False, timeout=60)
        self._nonce = 0

    def raw(self, method: str, path: str, **options: Any) -> urllib3.BaseHTTPResponse:
        url = path if path.startswith("http") else self.origin + path
        return self._web.request(method, url, redirect=False, **options)

    def send(self, method: str, path: str, **options: Any) -> Answer:
        answer = self.raw(method, path, **options)
        return answer.status, json.loads(answer.data)

    def token(self, key: str | AuthKey | None = KEY, body: str | None = None, **fields: str) -> Answer:
        """`POST /token` with this key, or these words as user and password."""
        basic = f"{key.key}:{key.secret}" if isinstance(key, AuthKey) else key
        headers = urllib3.make_headers(basic_auth=basic) if basic else {}
        form = urlencode({**GRANT, **fields}) if body is None else body
        return self.send("POST", "/token", headers={**headers, "content-type": FORM}, body=form)

    def bearer(self, scope: str = "", key: AuthKey = KEY) -> str:
        return str(self.token(key, scope=scope)[1]["access_token"])

    def by(self, token: str, method: str, path: str, **params: Any) -> Answer:
        """A request with a bearer token."""
        return self.with_fields(method, path, {"params": json.dumps(params)}, {"authorization": f"Bearer {token}"})

    def signed(
        self,
        method: str,
        path: str,
        *,
        key: AuthKey = KEY,
        algorithm: str = "sha384",
        auth: Mapping[str, Any] | None = None,
        files: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        **params: Any,
    ) -> Answer:
        """A signed request; members of `auth` that are None are left out. A nonce makes each signature another."""
        self._nonce += 1
        named = {"key": key.key, "expires": "2030-01-01T00:00:00.000Z", "nonce": self._nonce, **(auth or {})}
        text = json.dumps({"auth": {name: value for name, value in named.items() if value is not None}, **params})
        return self.with_fields(
            method, path, {"params": text, "signature": sign(text, key, algorithm)}, headers or {}, files
        )

    def with_fields(
        self,
        method: str,
        path: str,
        fields: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        files: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Send fields: in the query with GET, else in a form, which is multipart if there are files."""
        if method == "GET":
            return self.send(method, f"{path}?{urlencode(fields)}", headers=headers)
        options: dict[str, Any] = {"fields": {**fields, **(files or {})}, "encode_multipart": files is not None}
        if method != "DELETE":
            return self.send(method, path, headers=headers, **options)
        form = {"content-type": FORM, **(headers or {})}
        return self.send(method, path, headers=form, body=urlencode(fields))

    def assembly(self, **params: Any) -> dict[str, Any]:
        """A new Assembly; `fields` of the form beside its params."""
        fields = {"num_expected_upload_files": str(params.pop("expected", 0))}
        status, body = self.signed("POST", "/assemblies", files=fields, **{"steps": STEPS, **params})
        assert status == 200, body
        return dict(body)

    def status(self, assembly: Mapping[str, Any]) -> dict[str, Any]:
        return dict(self.send("GET", assembly["assembly_ssl_url"])[1])

    def control(self, what: str, **body: Any) -> Answer:
        return self.send("POST", f"/_sandbox/{what}", json=body)

    def fault(self, path: str = "/token", **fault: Any) -> None:
        """Order a fault for the next requests of a path."""
        status, body = self.control("faults", path=path, **fault)
        assert status == 200, body

    @property
    def mints(self) -> int:
        """How many tokens it was asked for."""
        return int(self.send("GET", "/_sandbox/calls")[1].get("POST /token", 0))

    def opens(self, token: str) -> bool:
        """Whether it lists Assemblies for this bearer token."""
        return self.raw("GET", "/assemblies", headers={"authorization": f"Bearer {token}"}).status == 200

    def log(self) -> list[dict[str, Any]]:
        return list(self.send("GET", "/_sandbox/log")[1])

    def advance(self, seconds: float) -> None:
        assert self.control("clock", advance=seconds)[0] == 200

    def tus(self, method: str, url: str, body: bytes = b"", **headers: str) -> urllib3.BaseHTTPResponse:
        """A request of tus 1.0.0; header names in snake case."""
        named = {"Tus-Resumable": "1.0.0"} | {name.replace("_", "-"): text for name, text in headers.items()}
        return self.raw(method, url, body=body, headers=named)

    def upload(self, assembly: Mapping[str, Any], content: bytes, filename: str = "a.txt") -> str:
        """A whole resumable upload; its URL."""
        metadata = upload_metadata(assembly_url=assembly["assembly_ssl_url"], filename=filename, fieldname="field")
        made = self.tus("POST", assembly["tus_url"], upload_length=str(len(content)), upload_metadata=metadata)
        assert made.status == 201, made.data
        kind = "application/offset+octet-stream"
        sent = self.tus("PATCH", made.headers["location"], content, upload_offset="0", content_type=kind)
        assert sent.status == 204, sent.data
        return made.headers["location"]


def upload_metadata(**members: str) -> str:
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in members.items())
