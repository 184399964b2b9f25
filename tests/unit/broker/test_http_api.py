"""The entry point itself: events before the exchange, and those that never reach it."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import Any
from urllib.parse import urlencode

import pytest
from broker.policy.scopes import SCOPES
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.callers import claims_of_alice
from tests.kit.forms import ASSERTION, FORM
from tests.kit.handlers import Context, Function, event, loaded
from tests.kit.jwts import Signer, part
from tests.kit.policies import AUDIENCE, ISSUER

METADATA = "/.well-known/oauth-authorization-server"
SIGNER = Signer()


@pytest.fixture(scope="module")
def function(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Function]:
    with loaded("http_api", tmp_path_factory.mktemp("function"), SIGNER) as made:
        yield made


@pytest.fixture(autouse=True)
def _nothing_recorded(function: Function) -> None:
    function.forget()


def on(method: str, route: str, **changes: Any) -> dict[str, Any]:
    """An event of this method on a route."""
    made = event("token", routeKey=route, **changes)
    made["requestContext"]["http"]["method"] = method
    return made


def form(fields: dict[str, str], domain: str = "id.execute-api.us-east-1.amazonaws.com") -> dict[str, Any]:
    body = base64.b64encode(urlencode(fields).encode()).decode()
    made = event("token", body=body, headers={"content-type": FORM})
    made["requestContext"]["domainName"] = domain
    return made


ROUTES = pytest.mark.parametrize("route", ["ANY /token", "ANY /signature"])


@ROUTES
def test_options_is_answered_before_anything_is_checked_and_leaves_no_record(function: Function, route: str) -> None:
    """A route of ANY takes the preflight from API Gateway; after a status other than 2xx a browser sends no request."""
    answer = function(on("OPTIONS", route, body="%" * 30_000, headers={"authorization": "Bearer x, Bearer y"}))
    assert answer == {"statusCode": 204, "headers": {}, "body": "", "isBase64Encoded": False}
    assert function.records() == []


def test_options_of_the_iam_route_is_answered_too(tmp_path: Any) -> None:
    with loaded("iam_api", tmp_path, SIGNER) as iam:
        assert iam(on("OPTIONS", "ANY /iam/token"))["statusCode"] == 204
        assert iam.records() == []


@pytest.mark.parametrize(("method", "has_body"), [("GET", True), ("HEAD", False)])
def test_health_is_answered_to_get_and_head_and_leaves_no_record(
    function: Function, method: str, has_body: bool
) -> None:
    answer = function(on(method, f"{method} /health"))
    assert (answer["statusCode"], bool(answer["body"])) == (200, has_body)
    function(on("GET", "ANY /token"))
    (record,) = function.records()
    if has_body:
        told = {"status": "ok", "version": record["version"], "policy": record["policy"]}
        assert json.loads(answer["body"]) == told


def test_a_record_has_the_ids_of_lambda_and_says_whether_it_was_a_cold_start(tmp_path: Any) -> None:
    root = "1-5759e988-bd862e3fe1be46a994272793"
    with loaded("http_api", tmp_path, SIGNER, _X_AMZN_TRACE_ID=f"Root={root};Sampled=0") as fresh:
        for _ in range(2):
            fresh(on("GET", "ANY /token"))
        records = fresh.records()
    assert [record["cold_start"] for record in records] == [True, False]
    assert {record["function_request_id"] for record in records} == {Context.aws_request_id}
    assert {record["xray_trace_id"] for record in records} == {root}
    assert {record["request_id"] for record in records} == {event("token")["requestContext"]["requestId"]}


def test_the_metadata_lists_the_scopes_of_transloadit_whatever_the_policy_grants(function: Function) -> None:
    metadata = json.loads(function(on("GET", f"GET {METADATA}"))["body"])
    assert metadata["scopes_supported"] == list(SCOPES)


def test_a_login_is_refused_without_redirect_and_record_and_repeats_nothing_of_the_query(function: Function) -> None:
    """A link to this origin that led to any other one would be a phisher's."""
    sent = {"response_type": "code", "redirect_uri": "https://evil.example", "state": "s-4711", "client_id": "c-4712"}
    query = {"rawQueryString": urlencode(sent), "queryStringParameters": sent}
    answer = function(on("GET", "GET /authorize", rawPath="/authorize", **query))
    assert (answer["statusCode"], json.loads(answer["body"])["error"]) == (400, "unsupported_response_type")
    assert "location" not in answer["headers"]
    assert not [name for name, value in sent.items() if name != "response_type" and value in json.dumps(answer)]
    assert function.records() == []


@ROUTES
def test_another_method_is_refused_and_recorded(function: Function, route: str) -> None:
    assert function(on("GET", route))["statusCode"] == 405
    assert [record["outcome"] for record in function.records()] == ["MethodNotAllowed"]


def ask_signature(body: str, content_type: str = "application/json", **headers: str) -> dict[str, Any]:
    """An event of a request for a signature, with the JWT of an editor."""
    jwt = SIGNER.jwt(claims_of_alice(ISSUER, AUDIENCE, time.time()))
    given = {"content-type": content_type, "authorization": f"Bearer {jwt}"} | headers
    made = on("POST", "ANY /signature", rawPath="/signature", headers=given)
    return made | {"body": body, "isBase64Encoded": False}


@pytest.mark.parametrize(
    ("sent", "status", "error"),
    [
        (partial(ask_signature, '{"kind": "assembly", "template": "avatar"}'), 403, "access_denied"),
        (partial(ask_signature, '{"kind": "assembly"}'), 400, "invalid_request"),
        (partial(ask_signature, "{}"), 400, "invalid_request"),
        (partial(ask_signature, "{" * 9000), 400, "invalid_request"),
        (partial(ask_signature, '{"kind": "assembly", "template": "avatar"}', FORM), 415, "invalid_request"),
        (partial(ask_signature, " " * 16_385), 413, "invalid_request"),
        (partial(ask_signature, "{}", authorization="Bearer a.b.c, Bearer d.e.f"), 400, "invalid_request"),
        (partial(ask_signature, "{}", authorization="Basic YTpi"), 401, "invalid_client"),
        (
            partial(ask_signature, '{"kind": "storage", "grant": "x"}', authorization="Bearer a.b.c"),
            401,
            "invalid_token",
        ),
        (partial(ask_signature, "grant_type=client_credentials", FORM), 415, "invalid_request"),
    ],
    ids=lambda value: None if callable(value) else str(value),
)
def test_a_refused_request_for_a_signature_leaves_one_record(
    function: Function, sent: Callable[[], dict[str, Any]], status: int, error: str
) -> None:
    answer = function(sent())  # made now: a JWT of the collection of all tests may have expired
    assert (answer["statusCode"], json.loads(answer["body"])["error"]) == (status, error)
    assert [record["status"] for record in function.records()] == [status]


def test_a_form_is_no_request_for_a_signature_and_json_none_for_a_token(function: Function) -> None:
    token = ask_signature("{}") | {"routeKey": "ANY /token"}
    assert function(token)["statusCode"] == function(ask_signature("a=b", FORM))["statusCode"] == 415


def assertion(aud: str) -> dict[str, str]:
    return ASSERTION | {"client_assertion": SIGNER.jwt(claims_of_alice(ISSUER, aud, time.time(), groups=[]))}


def test_a_jwt_for_another_audience_is_not_made_good_by_an_event_that_names_it(function: Function) -> None:
    """A direct invoker writes the event: any JWT for any audience would be a client assertion for that domain."""
    answer = function(form(assertion("https://internal-app.example.com"), domain="internal-app.example.com"))
    assert (answer["statusCode"], json.loads(answer["body"])["error"]) == (401, "invalid_client")
    assert function.records()[-1]["reason"] == "client assertion without a configured origin"
    metadata = json.loads(function(on("GET", f"GET {METADATA}"))["body"])
    assert metadata["token_endpoint_auth_methods_supported"] == ["none"]


def test_a_client_assertion_for_the_configured_public_url_is_accepted_and_offered(tmp_path: Any) -> None:
    with loaded("http_api", tmp_path, SIGNER, PUBLIC_URL="https://tokens.example.com") as configured:
        accepted = configured(form(assertion("https://tokens.example.com")))
        refused = configured(form(assertion("https://internal-app.example.com"), domain="internal-app.example.com"))
        metadata = json.loads(configured(on("GET", f"GET {METADATA}"))["body"])
    assert (accepted["statusCode"], refused["statusCode"]) == (403, 401)  # no rule matches the first
    assert metadata["token_endpoint_auth_methods_supported"] == ["none", "private_key_jwt"]


# Pieces that a parser may stumble over, or may need a long time for.
PIECES = [
    *'";=,*%&+. \t\\\x00a1\u00e9[{:',
    "; charset*",
    "; charset",
    "*0*=",
    "%zz",
    "%41",
    "&a=",
    "Bearer ",
    "Basic ",
    "YTpi",
]
PIECES += [
    "grant_type=client_credentials",
    "&scope=",
    "&assertion=",
    "&client_assertion=",
    FORM,
    part({"alg": "ES256"}),
]
ROOM = 9_900  # of the 10,240 bytes that request line and headers may have


def texts(size: int, *starts: str) -> st.SearchStrategy[str]:
    """Texts of one of these starts, then pieces, the last repeated up to the size: the longest cost most."""
    pieces = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6)
    return st.builds(
        lambda start, drawn: (start + "".join(drawn) + drawn[-1] * size)[:size], st.sampled_from(starts), pieces
    )


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    longest = draw(st.sampled_from(["content-type", "authorization"]))
    headers = {"content-type": FORM, longest: draw(texts(ROOM, "", FORM, "Bearer ", "Basic "))}
    body = draw(texts(16 * 1024, "", "grant_type=client_credentials", "grant_type=client_credentials&scope="))
    return event("token", headers=headers, body=base64.b64encode(body.encode()[: 16 * 1024]).decode())


def cost(function: Function, sent: dict[str, Any]) -> float:
    """Seconds of processor time, the best of three, so that other work of the machine does not count."""
    taken = []
    for _ in range(3):
        started = time.thread_time()
        answer = function(sent)
        taken.append(time.thread_time() - started)
        assert answer["statusCode"] < 500, answer["body"]
    return min(taken)


def test_arbitrary_headers_and_bodies_get_no_fault_and_no_slow_answer(function: Function) -> None:
    """A Content-Type once took 57 ms where others take 0.1, and another was a fault, both without any proof."""
    costs: list[float] = []

    @settings(max_examples=400)
    @given(sent=requests())
    def ask(sent: dict[str, Any]) -> None:
        costs.append(cost(function, sent))

    ask()
    # A body that is escaped throughout is no attack; only reading it takes its time.
    escaped = cost(function, form({"grant_type": "client_credentials", "x": "\0" * 5_400}))
    assert max(costs) < max(10 * median(costs), 4 * escaped)
