"""`policy check --online` against an issuer with real sockets: by https as a user runs it, by http as the stack is."""

import json
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
from broker.base.net import BoundedHttp
from broker.policy.model import load
from token_broker.policy.compiler import Local, compile_policy
from token_broker.policy.online import KeysReport, report_keys

from tests.kit.jwts import Signer

COMMAND = Path(sys.executable).with_name("token-broker")


class Issuer:
    """An issuer that gives the test's answers, and 404 for other paths."""

    def __init__(self, server: ThreadingHTTPServer, scheme: str, certificate: Path) -> None:
        self.url = f"{scheme}://127.0.0.1:{server.server_port}"
        self.certificate = certificate
        self.answers: dict[str, Any] = {
            "/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": f"{self.url}/keys"},
            "/keys": {"keys": [Signer("RS256").jwk(), Signer("ES256").jwk()]},
        }

    @property
    def policy(self) -> str:
        return f"""version: 1
credentials: {{default: {{}}}}
issuers:
  site: {{issuer: "{self.url}", audiences: [us], algorithms: [RS256], keys: discovery}}
rules: [{{name: one, issuer: site, when: {{sub: job}}, scopes: [queues:read]}}]
"""


@pytest.fixture(params=["https"])
def issuer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Issuer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = made.answers.get(self.path)
            body = json.dumps(found).encode()
            self.send_response(200 if found is not None else 404)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """A test's output is its own."""

    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if request.param == "https":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    made = Issuer(server, request.param, tmp_path / "ca.pem")
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


def check(issuer: Issuer, folder: Path, *options: str) -> tuple[int, str, str]:
    (folder / "policy.yaml").write_text(issuer.policy)
    command: list[str | Path] = [COMMAND, "policy", "check", "--online", *options]
    variables = {**os.environ, "SSL_CERT_FILE": str(issuer.certificate)}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_the_usable_keys_are_counted(issuer: Issuer, tmp_path: Path) -> None:
    status, out, err = check(issuer, tmp_path)
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == "policy.yaml: `site` has 1 usable key"


def test_an_issuer_without_a_discovery_document_is_an_error_at_its_place(issuer: Issuer, tmp_path: Path) -> None:
    del issuer.answers["/.well-known/openid-configuration"]
    status, _, err = check(issuer, tmp_path)
    mend = "issuer has no discovery document; name its key set: keys: {url: https://...}"
    assert (status, err) == (1, f"policy.yaml:4:3: error: `site`: issuer's keys out of reach: {mend}\n")


def test_a_machine_reads_counts_and_problems(issuer: Issuer, tmp_path: Path) -> None:
    assert json.loads(check(issuer, tmp_path, "--format", "json")[1])["keys"] == {"site": 1}
    issuer.answers["/keys"] = {"keys": []}
    status, out, _ = check(issuer, tmp_path, "--format", "json")
    report = json.loads(out)
    assert (status, report["keys"], [each["line"] for each in report["problems"]]) == (1, {"site": 0}, [4])


@pytest.mark.parametrize("issuer", ["http"], indirect=True)
def test_the_local_stack_s_policy_may_be_looked_up_on_this_machine(issuer: Issuer) -> None:
    local = Local(upstream="http://127.0.0.1:1", aws_endpoint="http://127.0.0.1:1")
    policy = load(compile_policy(issuer.policy, "policy.yaml", local).data)
    http = BoundedHttp(time.time, allow_loopback=policy.is_local)
    assert list(report_keys(policy, http, time.time)) == [KeysReport("site", 1)]
