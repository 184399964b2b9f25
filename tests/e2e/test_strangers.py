"""A page from elsewhere and another user of the machine cannot use the stack on a developer's machine."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.aws.services import secret_name
from tests.kit.chromium import browser
from tests.kit.forms import FORM
from tests.kit.node import Script
from tests.kit.pages import page_port, request
from tests.kit.stacks import Client

ELSEWHERE = "http://evil.example"
HERE = "http://localhost:8080"
SECRET = json.dumps({"SecretId": secret_name("default")}).encode()
WEB = urllib3.PoolManager(retries=False, timeout=60)


def send(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> urllib3.BaseHTTPResponse:
    """Header names in snake case."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return WEB.request(method, url, body=body, headers=named, redirect=False)


def get_secret(
    client: Client, *, access_key: str | None = None, secret_key: str | None = None, **headers: str
) -> urllib3.BaseHTTPResponse:
    """Secrets Manager's answer to a request that AWS's SDK signed, with the stack's credentials or others."""
    stack = client.stack
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    target = {"x-amz-target": "secretsmanager.GetSecretValue", "content-type": "application/x-amz-json-1.1"}
    signed = AWSRequest("POST", f"{stack['aws_endpoint_url']}/", headers=target | named, data=SECRET)
    key = Credentials(access_key or stack["aws_access_key_id"], secret_key or stack["aws_secret_access_key"])
    SigV4Auth(key, "secretsmanager", "us-east-1").add_auth(signed)
    return WEB.request("POST", str(signed.url), body=SECRET, headers=dict(signed.headers.items()))


# What each port answers with 200 to a program that may call it.
PORTS: dict[str, Any] = {
    "broker": lambda client, **headers: send(f"{client.stack['broker_url']}/health", **headers),
    "invoke": lambda client, **headers: send(client.stack["token_function_url"], "POST", b"{}", **headers),
    "api2": lambda client, **headers: send(f"{client.stack['api2_url']}/_sandbox/calls", **headers),
    "issuer": lambda client, **headers: send(
        f"{client.stack['issuer_url']}/.well-known/openid-configuration", **headers
    ),
    "site": lambda client, **headers: send(f"{client.stack['site_url']}/config.json", **headers),
    "aws": get_secret,
}
URLS = {"broker": "broker_url", "invoke": "invoke_url", "api2": "api2_url", "issuer": "issuer_url", "site": "site_url"}


def port_of(client: Client, name: str) -> int:
    port = urlsplit(client.stack[URLS.get(name, "aws_endpoint_url")]).port
    assert port is not None
    return port


@pytest.mark.parametrize("name", PORTS)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_a_port_answers_by_its_own_name(client: Client, name: str, host: str) -> None:
    assert PORTS[name](client, host=f"{host}:{port_of(client, name)}").status == 200


@pytest.mark.parametrize("name", PORTS)
@pytest.mark.parametrize("host", ["evil.example:{port}", "evil.example", "127.0.0.1:1", "127.0.0.1", "localhost:x", ""])
def test_a_port_refuses_every_other_name(client: Client, name: str, host: str) -> None:
    port = port_of(client, name)
    answer = PORTS[name](client, host=host.format(port=port))
    assert answer.status == 403
    assert f"use http://127.0.0.1:{port}" in answer.json()["message"]


FROM_PAGES = {
    "a page elsewhere": {"origin": ELSEWHERE},
    "a page of this machine": {"origin": HERE},
    "a page without an origin": {"origin": "null"},
    "an image": {"sec_fetch_site": "cross-site"},
    "an image of a page of this machine": {"sec_fetch_site": "same-site"},
}


@pytest.mark.parametrize("headers", FROM_PAGES.values(), ids=FROM_PAGES.keys())
@pytest.mark.parametrize("name", ["invoke", "api2", "aws"])
def test_a_port_for_programs_alone_refuses_every_page(client: Client, name: str, headers: dict[str, str]) -> None:
    answer = PORTS[name](client, **headers)
    assert (answer.status, "use a program" in answer.data.decode()) == (403, True)


def test_an_address_typed_into_a_browser_is_answered(client: Client) -> None:
    assert PORTS["api2"](client, sec_fetch_site="none").status == 200


FORGED = {
    "no signature": {"authorization": ""},
    "another access key": {"access_key": "AKIAIOSFODNN7EXAMPLE"},
    "another secret": {"secret_key": "guessed"},
}


@pytest.mark.parametrize("given", FORGED.values(), ids=FORGED.keys())
def test_the_auth_secret_is_for_the_stack_s_own_credentials(client: Client, given: dict[str, str]) -> None:
    if "authorization" in given:
        answer = send(client.stack["aws_endpoint_url"], "POST", SECRET, x_amz_target="secretsmanager.GetSecretValue")
    else:
        answer = get_secret(client, **given)
    assert (answer.status, answer.json()["__type"]) == (403, "UnrecognizedClientException")
    assert client.stack["auth_secret"] not in answer.data.decode()


def test_no_answer_of_aws_is_for_pages_to_read(client: Client) -> None:
    answer = get_secret(client)
    assert answer.json()["SecretString"].count(client.stack["auth_secret"]) == 1
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("path", ["/moto-api/reset", "/moto-api/data.json"])
def test_moto_s_own_controls_are_behind_the_front(client: Client, path: str) -> None:
    assert send(client.stack["aws_endpoint_url"] + path, "POST").status == 403


def test_the_issuer_is_read_by_pages_of_this_machine_alone(client: Client) -> None:
    assert PORTS["issuer"](client, origin=HERE).headers["access-control-allow-origin"] == "*"
    for origin in (ELSEWHERE, "null", f"{HERE}.evil.example", "http://localhost.evil.example", ""):
        refused = PORTS["issuer"](client, origin=origin)
        assert (refused.status, "access-control-allow-origin" in refused.headers) == (403, False)


def test_a_page_elsewhere_cannot_log_its_visitor_in(client: Client) -> None:
    login = "response_type=code&client_id=site&redirect_uri=http://127.0.0.1:8080/&scope=openid"
    url = f"{client.stack['issuer_url']}/oauth2/authorize?{login}&code_challenge={'c' * 43}&code_challenge_method=S256"
    for origin in (ELSEWHERE, "null"):
        refused = send(url, "POST", b"sub=alice", origin=origin, content_type=FORM)
        assert (refused.status, "location" in refused.headers) == (403, False)
    assert "code=" in send(url, "POST", b"sub=alice", content_type=FORM).headers["location"]


def test_the_configuration_of_the_page_which_has_the_audience_is_for_that_page_alone(client: Client) -> None:
    answer = PORTS["site"](client, origin=HERE)
    assert answer.json()["clientId"] == client.stack["audience"]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_no_two_stacks_have_the_same_audience_or_credentials(client: Client) -> None:
    assert client.stack["audience"].removeprefix("local-").isalnum()
    assert len(client.stack["audience"]) > len("local-") + 12


# In a browser.


@pytest.fixture(scope="module")
def chromium() -> Iterator[tuple[Script, str]]:
    """A browser, and where it finds a page of another origin."""
    with page_port() as port, browser("MAP evil.example 127.0.0.1") as running:
        yield running, f"{ELSEWHERE}:{port}/"


def simple(url: str, body: str = "") -> dict[str, Any]:
    """A request that a page may send anywhere without a preflight, and whose answer it never reads."""
    return {"url": url, "method": "POST", "mode": "no-cors", "body": body}


def attempts(stack: dict[str, str]) -> list[dict[str, Any]]:
    """Requests that a page elsewhere can try at each port."""
    secret = {"x_amz_target": "secretsmanager.GetSecretValue", "authorization": "AWS4-HMAC-SHA256 Credential=AKIA/x"}
    fault = json.dumps({"path": "/token", "times": 9, "status": 503})
    login = "response_type=code&client_id=site&redirect_uri=http://evil.example/&scope=openid"
    return [
        request(f"{stack['broker_url']}/health"),
        request(f"{stack['broker_url']}/token", "POST", "grant_type=client_credentials", authorization="Bearer a.b.c"),
        request(stack["token_function_url"], "POST", "{}"),
        simple(stack["token_function_url"], "{}"),
        simple(stack["invoke_url"], "{}"),
        request(f"{stack['api2_url']}/_sandbox/calls"),
        request(f"{stack['api2_url']}/token", "POST", "grant_type=client_credentials", authorization="Basic YTpi"),
        simple(f"{stack['api2_url']}/_sandbox/reset"),
        simple(f"{stack['api2_url']}/_sandbox/faults", fault),
        request(f"{stack['issuer_url']}/.well-known/openid-configuration"),
        request(f"{stack['issuer_url']}/oauth2/authorize?{login}", "POST", "sub=mallory"),
        request(f"{stack['aws_endpoint_url']}/", "POST", SECRET.decode(), **secret),
        simple(f"{stack['aws_endpoint_url']}/", SECRET.decode()),
        simple(f"{stack['aws_endpoint_url']}/moto-api/reset"),
    ]


def test_a_page_elsewhere_reads_nothing_mints_nothing_and_resets_nothing(
    clean: Client, chromium: tuple[Script, str]
) -> None:
    clean.post(clean.jwt(sub="first", groups=["personal"]))
    before = clean.mints, len(clean.records())
    assert before[0] == 1
    script, page = chromium
    tried = attempts(clean.stack)
    answers = script.ask(url=page, given=tried)["answers"]
    assert len(answers) == len(tried)
    for sent, answer in zip(tried, answers, strict=True):
        assert answer.keys() == {"unreadable"} or answer == {"status": 0, "body": ""}, sent["url"]
    assert (clean.mints, len(clean.records())) == before
    assert clean.post(clean.jwt(sub="second", groups=["personal"])).status == 200
    assert get_secret(clean).status == 200
