"""The real stack for tests, with a folder and ports of its own. All share the built artifact."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from token_broker.jwt import KEY_FILE, load_key, public_jwk
from token_broker.stack_file import read_stack

from local.aws.account import Principal
from local.aws.services import client as aws_client
from local.stack.control import STACK_FILE, down
from local.stack.options import Options
from local.stack.up import up
from tests.kit.api2 import Api2
from tests.kit.callers import Answer, CallerSide
from tests.kit.forms import FORM, JSON, form
from tests.kit.jwts import Signer


@contextmanager
def running_stack(folder: Path, policy: Path, workers: int = 2) -> Iterator["Client"]:
    """Run a stack as long as the context lasts. Yields a client of it."""
    supervisor = up(Options(policy.resolve(), 0, workers, None, None, None), folder)
    try:
        yield Client(folder)
    finally:
        down(folder)
        supervisor.wait(60)


class Client(CallerSide):
    """A caller of a running stack, and its operator: it reads the logs, and `api2` orders faults of the sandbox."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stack = read_stack(folder / STACK_FILE)
        self.issuer_url, self.audience = self.stack["issuer_url"], self.stack["audience"]
        self.api2 = Api2(self.stack["api2_url"])
        self.principal = Principal(self.stack["aws_access_key_id"], self.stack["aws_secret_access_key"])
        key = load_key(folder / KEY_FILE)
        self.clock = time.time
        self.signer = Signer("RS256", public_jwk(key)["kid"], key=key)
        self._web = urllib3.PoolManager(retries=False, timeout=60)

    def post(self, jwt: str | None = None, **fields: str) -> Answer:
        """A token request with this JWT, or a good one."""
        return self.post_form(form(**fields), authorization=f"Bearer {self.jwt() if jwt is None else jwt}")

    def post_form(self, body: str, *, content_type: str | None = FORM, authorization: str | None = "") -> Answer:
        """Exactly this body. Without `authorization` the header has a good JWT; None leaves a header out."""
        headers = {"authorization": f"Bearer {self.jwt()}" if authorization == "" else authorization}
        headers["content-type"] = content_type
        given = {name: value for name, value in headers.items() if value is not None}
        return self.send("POST", "/token", body=body.encode(), headers=given)

    def sign(self, members: Any, jwt: str | None = None, **headers: str | None) -> Answer:
        """A request for a signature: these members as JSON, with this JWT or that of a visitor."""
        bearer = f"Bearer {self.jwt(groups=['visitors']) if jwt is None else jwt}"
        given = {"authorization": bearer, "content-type": JSON} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        body = members if isinstance(members, (str, bytes)) else json.dumps(members)
        present = {name: value for name, value in given.items() if value is not None}
        return self.send("POST", "/signature", body=body, headers=present)

    def send(self, method: str, path: str, **options: Any) -> Answer:
        return self._ask(method, self.stack["broker_url"] + path, redirect=False, **options)

    def _ask(self, method: str, url: str, **options: Any) -> Answer:
        response = self._web.request(method, url, **options)
        return Answer(response.status, response.headers, response.data.decode())

    def signed(self, method: str, path: str, body: bytes = b"", *, secret: str | None = None) -> Answer:
        """A request that AWS's own SDK signed, with the stack's credentials or another secret."""
        request = AWSRequest(method, self.stack["broker_url"] + path, headers={"content-type": FORM}, data=body)
        key = Credentials(self.principal.access_key, secret or self.principal.secret_key)
        SigV4Auth(key, "execute-api", "us-east-1").add_auth(request)
        return self.send(method, path, body=body, headers=dict(request.headers.items()))

    def invoke(self, event: bytes, function: str = "function") -> Answer:
        return self._ask("POST", self.stack["invoke_url"].replace("/function/", f"/{function}/"), body=event)

    def aws(self, service: str) -> Any:
        """The operator's client of a service of the stack's AWS."""
        return aws_client(service, self.stack["aws_endpoint_url"], self.principal)

    @property
    def mints(self) -> int:
        return self.api2.mints

    def records(self) -> list[dict[str, Any]]:
        """All audit records in the order of time, from the environments' logs."""
        lines = [json.loads(line) for line in self.log_lines() if '"audit":{' in line]
        return [line["audit"] for line in sorted(lines, key=lambda line: str(line["timestamp"]))]

    def record_of(self, answer: Answer) -> dict[str, Any]:
        """The one audit record of the request that was answered so."""
        request_id = answer.headers["apigw-requestid"]
        found = [record for record in self.records() if record["request_id"] == request_id]
        assert len(found) == 1, f"{len(found)} records of {request_id}"
        return found[0]

    def log_lines(self) -> list[str]:
        return [line for text in self.logs().values() for line in text.splitlines()]

    def logs(self) -> dict[str, str]:
        """The text of each log by its file's name."""
        logs = sorted(Path(self.stack["log_dir"]).glob("*.log"))
        return {log.name: log.read_text("utf-8", "replace") for log in logs}
