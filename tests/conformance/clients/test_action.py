"""The GitHub Action under a runner's environment, with an identity endpoint of GitHub's shape, against the stack."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from infra.sam import ROOT
from local.stack.control import STACK_FILE
from tests.conformance.clients.conftest import AUDIENCE
from tests.kit.jwts import Signer
from tests.kit.node import Node
from tests.kit.servers import serving
from tests.kit.stacks import Client

ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
REQUEST_TOKEN = "of-this-job-alone"
REPOSITORY = "acme/secret-project"


@dataclass
class GitHub:
    """Where a job asks for its identity. `claims` are the job's; it keeps the audiences that were asked for."""

    signer: Signer
    url: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        """https://docs.github.com/en/actions/reference/security/oidc"""
        if request.headers.get("authorization") != f"Bearer {REQUEST_TOKEN}" or "api-version" not in request.query:
            return web.json_response({"message": "Unauthorized"}, status=401)
        self.asked.append(request.query["audience"])
        return web.json_response({"count": 1, "value": self.jwt(request.query["audience"])})

    def jwt(self, audience: str) -> str:
        now = int(time.time())
        claims = {
            "iss": "https://token.actions.githubusercontent.com",
            "sub": f"repo:{REPOSITORY}:ref:refs/heads/main",
            "aud": audience,
            "repository": REPOSITORY,
            "repository_id": "4711",
            "ref": "refs/heads/main",
            "jti": f"job-{len(self.asked)}",
            "iat": now,
            "nbf": now,
            "exp": now + 300,
        }
        return self.signer.jwt(claims | self.claims)


@pytest.fixture
def job(github: Signer) -> Iterator[GitHub]:
    made = GitHub(github)

    def make() -> web.Application:
        app = web.Application()
        app.router.add_get("/idtoken/0123", made.answer)
        return app

    with serving(make) as origin:
        made.url = f"{origin}/idtoken/0123?api-version=2.0"
        yield made


@dataclass(frozen=True)
class Step:
    """What a step left: the runner's log before it hides masked texts, and the step's outputs."""

    status: int
    log: str
    outputs: dict[str, str]


Run = Callable[..., Step]


@pytest.fixture
def run(node: Node, job: GitHub, tmp_path: Path) -> Run:
    """Runs the action as the runner does. `inputs` are those of `with:`; `variables` change the environment."""

    def run(variables: dict[str, str] | None = None, **inputs: str) -> Step:
        output = tmp_path / "output"
        output.write_text("")
        assert inputs.keys() <= ACTION["inputs"].keys()
        given = {f"INPUT_{name.upper()}": inputs.get(name, "") for name in ACTION["inputs"]}
        identity = {"ACTIONS_ID_TOKEN_REQUEST_URL": job.url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN}
        environment = {"PATH": os.environ["PATH"], "GITHUB_OUTPUT": str(output), **given, **identity}
        done = subprocess.run(
            [*node, ROOT / ACTION["runs"]["main"]],
            env=environment | (variables or {}),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        lines = output.read_text().splitlines()
        return Step(done.returncode, done.stdout + done.stderr, dict(line.split("=", 1) for line in lines))

    return run


def test_a_job_gets_a_token_that_is_masked_in_its_log_and_nothing_of_its_identity_is_there(
    run: Run, job: GitHub, stack: Client
) -> None:
    before = time.time()
    step = run(url=stack.stack["broker_url"], audience=AUDIENCE, scope="templates:write")
    token = step.outputs["token"]
    assert (step.status, step.outputs.keys()) == (0, ACTION["outputs"].keys())
    assert stack.api2.by(token, "GET", "/templates")[0] == 403  # it may write them, and not read them
    expires_at = time.strptime(step.outputs["expires-at"], "%Y-%m-%dT%H:%M:%SZ")
    assert 21_000 < time.mktime(expires_at) - time.timezone - before < 21_700
    assert step.log.splitlines()[0] == f"::add-mask::{token}"
    assert step.log.count(token) == 1
    assert not [text for text in (REPOSITORY, "4711", job.jwt(AUDIENCE)[:20], REQUEST_TOKEN) if text in step.log]


def test_the_token_is_masked_before_it_is_written(run: Run, stack: Client, tmp_path: Path) -> None:
    step = run({"GITHUB_OUTPUT": str(tmp_path)}, url=stack.stack["broker_url"], audience=AUDIENCE)
    assert step.status != 0
    assert step.log.startswith("::add-mask::")


def test_the_audience_is_the_broker_s_origin_unless_it_is_given(run: Run, job: GitHub, stack: Client) -> None:
    step = run(url=f"{stack.stack['broker_url']}/")
    assert job.asked == [stack.stack["broker_url"]]
    assert "invalid_token (401)" in step.log  # the policy names another audience


def test_a_refusal_is_told_by_kind_request_id_and_the_line_that_explains_it(
    run: Run, job: GitHub, stack: Client, tmp_path: Path
) -> None:
    job.claims = {"ref": "refs/heads/a-branch"}
    step = run(url=stack.stack["broker_url"], audience=AUDIENCE, aud="mcp", scope="read")
    (line,) = step.log.splitlines()
    message = line.removeprefix("::error title=Transloadit token::").split("%0A")
    assert (step.status, step.outputs) == (1, {})
    assert message[0] == "access_denied (403): No rule of the trust policy matches this caller."
    (record,) = [each for each in stack.records() if each["request_id"] in message[1]]
    assert record["outcome"] == "AccessDenied"
    assert not [text for text in (REPOSITORY, "4711", "a-branch") if text in step.log]
    (tmp_path / "FILE").write_text(job.jwt(AUDIENCE))
    command = shlex.split(message[2].partition(": ")[2])
    program: list[str | Path] = [
        Path(sys.executable).with_name(command[0]),
        *command[1:],
        "--stack",
        stack.folder / STACK_FILE,
    ]
    explained = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "access_denied" in explained.stdout, explained.stderr
    assert "refs/heads/main" in explained.stdout


def test_a_job_without_an_identity_is_told_which_permission_it_needs(run: Run, stack: Client) -> None:
    step = run({"ACTIONS_ID_TOKEN_REQUEST_URL": ""}, url=stack.stack["broker_url"])
    assert step.status == 1
    assert "permissions: {id-token: write}" in step.log


@pytest.mark.parametrize("url", ["", "tokens.example.com", "http://tokens.example.com", "https://t.example/token"])
def test_a_url_that_is_no_origin_by_https_is_refused_before_the_job_shows_its_identity(
    run: Run, job: GitHub, url: str
) -> None:
    step = run(url=url)
    assert (step.status, job.asked) == (1, [])
    assert "`url`" in step.log


class Broker:
    """Gives the test's answers, one after the other, and keeps the JWTs that it was shown."""

    def __init__(self, *answers: web.Response) -> None:
        self.answers = list(answers)
        self.shown: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.shown.append(request.headers["authorization"])
        return self.answers.pop(0)

    async def take(self, request: web.Request) -> web.Response:
        """Where nobody may be led to."""
        return granted("elsewhere")

    def app(self) -> web.Application:
        made = web.Application()
        made.router.add_post("/token", self.answer)
        made.router.add_post("/elsewhere", self.take)
        return made


def busy(retry_after: float = 0) -> web.Response:
    body = {"error": "temporarily_unavailable", "message": "Try again.", "retry_after": retry_after}
    return web.json_response(body, status=503)


def granted(token: str) -> web.Response:
    return web.json_response({"access_token": token, "expires_in": 600, "scope": "read"})


def test_a_broker_that_is_busy_is_asked_again_with_a_new_identity(run: Run, job: GitHub) -> None:
    broker = Broker(
        busy(), web.json_response({"message": "Too Many Requests", "retry_after": 0}, status=429), granted("t")
    )
    with serving(broker.app) as origin:
        step = run(url=origin)
    assert step.outputs["token"] == "t"
    assert len(set(broker.shown)) == len(job.asked) == 3


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ([busy() for _ in range(9)], 4),
        ([busy(3600) for _ in range(9)], 1),
        ([web.json_response({"error": "server_error", "message": "x"}, status=502)] * 2, 1),
        ([web.json_response({"message": "Not Found"}, status=404)] * 2, 1),
        ([web.Response(status=307, headers={"location": "/elsewhere"})], 1),
        ([granted("two\nexpires-at=lines")], 1),
        ([web.json_response({"access_token": "t"})], 1),
        ([web.Response(text="<html>")], 1),
        ([web.json_response({"access_token": "t", "expires_in": 1e300})], 1),
        ([web.json_response({"error": {"toString": 1}, "message": ["x"]}, status=400)], 1),
    ],
    ids=[
        "busy for long",
        "busy for an hour",
        "fault",
        "404",
        "redirect",
        "two lines",
        "no lifetime",
        "no JSON",
        "for ever",
        "no texts",
    ],
)
def test_any_other_answer_ends_the_step_without_an_output(run: Run, answers: list[web.Response], asked: int) -> None:
    broker = Broker(*answers)
    with serving(broker.app) as origin:
        step = run(url=origin)
    assert (step.status, step.outputs, len(broker.shown)) == (1, {}, asked)
    assert step.log.startswith("::error title=Transloadit token::")


def test_a_server_that_repeats_the_job_s_jwt_does_not_get_it_into_the_log(run: Run) -> None:
    class Echo(Broker):
        async def answer(self, request: web.Request) -> web.Response:
            self.shown.append(request.headers["authorization"])
            return web.json_response({"error": "x", "message": f"You sent {self.shown[0][:400]}"}, status=400)

    broker = Echo()
    with serving(broker.app) as origin:
        step = run(url=origin)
    assert step.status == 1
    assert "is `url` that of the broker?" in step.log
    assert broker.shown[0].split()[1][:40] not in step.log


@pytest.mark.parametrize("scope", ["read\n::set-output name=token::t2", "read ##[set-output name=token]t2", ["x"]])
def test_a_scope_in_the_answer_is_no_command_to_the_runner(run: Run, scope: object) -> None:
    broker = Broker(web.json_response({"access_token": "t", "expires_in": 600, "scope": scope}))
    with serving(broker.app) as origin:
        step = run(url=origin)
    mask, line = step.log.splitlines()
    assert (step.status, mask, line.startswith("A bearer token for ")) == (0, "::add-mask::t", True)
    assert "##[" not in line
