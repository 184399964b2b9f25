"""The real stack for tests, with a folder and ports of its own. All share the built artifact."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from token_broker.jwt import KEY_FILE, load_key, sign
from token_broker.stack_file import read_stack

from local.aws.account import Principal
from local.stack.control import STACK_FILE, down
from local.stack.options import Options
from local.stack.up import up

FORM = "application/x-www-form-urlencoded"


@contextmanager
def running_stack(folder: Path, policy: Path, workers: int = 2) -> Iterator["Client"]:
    """Run a stack as long as the context lasts. Yields a client of it."""
    supervisor = up(Options(policy.resolve(), 0, workers, None, None, None), folder)
    try:
        yield Client(folder)
    finally:
        down(folder)
        supervisor.wait(15)


class Answer:
    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        self.text = response.data.decode()
        self.body: Any = json.loads(self.text) if self.text.startswith("{") else {}


class Client:
    """A client of a running stack, and its operator: it reads the logs and orders faults of api2."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stack = read_stack(folder / STACK_FILE)
        self.principal = Principal(self.stack["aws_access_key_id"], self.stack["aws_secret_access_key"])
        self._key = load_key(folder / KEY_FILE)
        self._web = urllib3.PoolManager(retries=False, timeout=40)

    @property
    def now(self) -> int:
        return int(time.time())

    def jwt(self, **claims: Any) -> str:
        """A caller JWT of the stack's issuer. By default it is that of alice, an editor."""
        members = {
            "iss": self.stack["issuer_url"],
            "sub": "alice",
            "aud": self.stack["audience"],
            "iat": self.now,
            "exp": self.now + 300,
            "groups": ["editors"],
        }
        return sign(members | claims, self._key)

    def token(self, jwt: str | None = None, *, authorization: str | None = "", **fields: str) -> Answer:
        """A token request; `authorization` replaces the header, None leaves it out."""
        header = f"Bearer {jwt or self.jwt()}" if authorization == "" else authorization
        return self.post(urlencode({"grant_type": "client_credentials", **fields}), authorization=header)

    def post(self, body: str, *, content_type: str | None = FORM, authorization: str | None = "") -> Answer:
        headers = {"authorization": f"Bearer {self.jwt()}" if authorization == "" else authorization}
        headers["content-type"] = content_type
        given = {name: value for name, value in headers.items() if value is not None}
        return self.send("POST", "/token", body=body.encode(), headers=given)

    def send(self, method: str, path: str, **options: Any) -> Answer:
        return Answer(self._web.request(method, self.stack["broker_url"] + path, redirect=False, **options))

    def signed(self, method: str, path: str, body: bytes = b"", *, secret: str | None = None) -> Answer:
        """A request that AWS's own SDK signed, with the stack's credentials or another secret."""
        request = AWSRequest(method, self.stack["broker_url"] + path, headers={"content-type": FORM}, data=body)
        key = Credentials(self.principal.access_key, secret or self.principal.secret_key)
        SigV4Auth(key, "execute-api", "us-east-1").add_auth(request)
        return self.send(method, path, body=body, headers=dict(request.headers.items()))

    def invoke(self, event: bytes, function: str = "function") -> Answer:
        url = self.stack["invoke_url"].replace("/function/", f"/{function}/")
        return Answer(self._web.request("POST", url, body=event))

    def api2(self, method: str, path: str, **options: Any) -> Answer:
        return Answer(self._web.request(method, self.stack["api2_url"] + path, redirect=False, **options))

    def opens_api2(self, token: str) -> bool:
        """Whether api2 lists Assemblies for this bearer token."""
        return self.api2("GET", "/assemblies", headers={"authorization": f"Bearer {token}"}).status == 200

    def fault(self, **fault: Any) -> None:
        answer = self.api2("POST", "/_sandbox/faults", json=fault)
        assert answer.status == 200, answer.text

    def mints(self) -> int:
        return int(self.api2("GET", "/_sandbox/calls").body.get("POST /token", 0))

    def records(self) -> list[dict[str, Any]]:
        """All audit records, from the environments' logs."""
        return [json.loads(line)["audit"] for line in self.log_lines() if '"audit":{' in line]

    def record(self, request_id: str) -> dict[str, Any]:
        """The one audit record of a request."""
        found = [record for record in self.records() if record["request_id"] == request_id]
        assert len(found) == 1, f"{len(found)} records of {request_id}"
        return found[0]

    def log_lines(self) -> list[str]:
        logs = sorted(Path(self.stack["log_dir"]).glob("*.log"))
        return [line for log in logs for line in log.read_text("utf-8", "replace").splitlines()]
