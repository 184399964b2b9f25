"""Our gateway treats a request as API Gateway's HTTP API does. Each row names the AWS page that says so."""

import base64
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3

from local.emulator.pool import Busy, Outcome
from local.gateway.api import Api, Match, Route
from tests.kit.gateways import Gateway, gateway

# The pages are below https://docs.aws.amazon.com/apigateway/latest/developerguide/: this one, http-api-quotas.html,
# http-api-develop-routes.html, http-api-throttling.html and http-api-parameter-mapping.html.
LAMBDA = "http-api-develop-integrations-lambda.html"


@pytest.mark.parametrize(
    ("content_type", "body", "is_base64", "page"),
    [
        ("application/x-www-form-urlencoded", "a=1", True, LAMBDA),
        (None, "a=1", True, LAMBDA),
        ("application/octet-stream", "a", True, LAMBDA),
        ('multipart/form-data; boundary="x"', "--x--", True, LAMBDA),
        ("application/json", "{}", False, LAMBDA),
        ("application/json; charset=utf-8", "{}", False, LAMBDA),
        ("text/plain", "a", False, LAMBDA),
        ("application/xml", "<a/>", False, LAMBDA),
        ("application/javascript", "a", False, LAMBDA),
    ],
)
def test_bodies_are_base64_or_text_by_content_type(
    plain: Gateway, content_type: str | None, body: str, is_base64: bool, page: str
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    event = plain.event(headers=headers, body=body)
    assert event["isBase64Encoded"] is is_base64
    assert event["body"] == (base64.b64encode(body.encode()).decode() if is_base64 else body)


def test_a_request_without_a_body_has_none_in_its_event(plain: Gateway) -> None:
    event = plain.event("GET", "/health")
    assert "body" not in event
    assert event["isBase64Encoded"] is False


def test_header_names_are_lower_case_and_repeats_are_joined_by_commas(plain: Gateway) -> None:
    headers = urllib3.HTTPHeaderDict([("X-One", "a"), ("x-one", "b"), ("Authorization", "x"), ("Authorization", "y")])
    event = plain.event(headers=headers)
    assert (event["headers"]["x-one"], event["headers"]["authorization"]) == ("a,b", "x,y")


def test_query_repeats_are_joined_and_the_raw_query_is_kept(plain: Gateway) -> None:
    event = plain.event(path="/token?a=1&a=2&b=%20")
    assert event["rawQueryString"] == "a=1&a=2&b=%20"
    assert event["queryStringParameters"] == {"a": "1,2", "b": " "}


def test_cookies_are_a_list_of_their_own(plain: Gateway) -> None:
    event = plain.event(headers={"cookie": "a=1; b=2"})
    assert event["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in event["headers"]


def test_an_event_has_the_members_of_payload_format_2(plain: Gateway) -> None:
    event = plain.event(body="a=1", headers={"user-agent": "curl/8"})
    assert event.keys() == {
        "version",
        "routeKey",
        "rawPath",
        "rawQueryString",
        "headers",
        "requestContext",
        "body",
        "isBase64Encoded",
    }
    context = event["requestContext"]
    assert context.keys() == {
        "accountId",
        "apiId",
        "domainName",
        "domainPrefix",
        "http",
        "requestId",
        "routeKey",
        "stage",
        "time",
        "timeEpoch",
    }
    assert context["http"] | {"sourceIp": ""} == {
        "method": "POST",
        "path": "/token",
        "protocol": "HTTP/1.1",
        "sourceIp": "",
        "userAgent": "curl/8",
    }
    assert (event["version"], event["routeKey"], context["stage"]) == ("2.0", "ANY /token", "$default")


def test_an_any_route_takes_every_method_and_another_only_its_own(plain: Gateway) -> None:
    assert plain.send("DELETE").status == 200
    refused = plain.send("POST", "/health")
    assert (refused.status, json.loads(refused.data)) == (404, {"message": "Not Found"})


@pytest.mark.parametrize("path", ["/", "/tokens", "/token/", "/Token"])
def test_an_unknown_path_is_answered_without_the_function(plain: Gateway, path: str) -> None:
    answer = plain.send("POST", path)
    assert (answer.status, json.loads(answer.data)) == (404, {"message": "Not Found"})
    assert plain.function.events == []


def test_a_path_variable_is_one_segment_and_comes_decoded_in_the_event(plain: Gateway) -> None:
    event = plain.event("POST", "/notifications/a%20b?c=%2B", body="x")
    assert event["pathParameters"] == {"id": "a b"}
    assert (event["rawPath"], event["rawQueryString"]) == ("/notifications/a b", "c=%2B")
    assert event["routeKey"] == event["requestContext"]["routeKey"] == "POST /notifications/{id}"
    assert event["requestContext"]["http"]["path"] == "/notifications/a b"


@pytest.mark.parametrize("path", ["/notifications", "/notifications/", "/notifications/a/b", "/notifications/a%2Fb"])
def test_a_path_variable_is_never_empty_and_never_two_segments(plain: Gateway, path: str) -> None:
    assert plain.send("POST", path).status == 404
    assert plain.send("GET", "/notifications/a").status == 404
    assert plain.function.events == []


def test_an_exact_path_wins_over_a_variable_and_a_method_over_any() -> None:
    keys = [("ANY", "/a/{id}"), ("POST", "/a/{id}"), ("ANY", "/a/b"), ("GET", "/{one}/{two}")]
    api = Api({key: Route("Broker") for key in keys}, None, 1, 1)
    assert api.find_route("POST", "/a/b") == Match(("ANY", "/a/b"), {})
    assert api.find_route("POST", "/a/c") == Match(("POST", "/a/{id}"), {"id": "c"})
    assert api.find_route("GET", "/a/c") == Match(("ANY", "/a/{id}"), {"id": "c"})
    assert api.find_route("GET", "/b/c") == Match(("GET", "/{one}/{two}"), {"one": "b", "two": "c"})
    assert api.find_route("POST", "/b/c") is None


def test_a_request_line_and_headers_of_more_than_10240_bytes_are_refused(plain: Gateway) -> None:
    assert plain.send("POST", headers={"x-long": "a" * 9_500}).status == 200
    assert plain.send("POST", headers={"x-long": "a" * 10_240}).status == 431
    assert len(plain.function.events) == 1


def test_a_body_over_ten_megabytes_is_413(plain: Gateway) -> None:
    parts = urlsplit(plain.origin)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as connection:
        head = f"POST /token HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 10485761\r\n\r\n"
        connection.sendall(head.encode() + b"a" * 100_000)
        # The refusal may come before the whole request is sent; the rest is thrown away.
        connection.settimeout(10)
        try:
            for _ in range(104):
                connection.sendall(b"a" * 100_000)
        except OSError:
            pass
        assert b" 413 " in connection.recv(200)


def test_a_request_over_the_throttle_is_429_without_the_function() -> None:
    with gateway(rate=0.001, burst=2) as throttled:
        answers = [throttled.send("POST") for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 429]
        assert json.loads(answers[2].data) == {"message": "Too Many Requests"}
        assert len(throttled.function.events) == 2


@pytest.mark.parametrize(("renames", "name"), [(False, "www-authenticate"), (True, "x-amzn-remapped-www-authenticate")])
def test_www_authenticate_is_passed_or_renamed(renames: bool, name: str) -> None:
    returns = {"statusCode": 401, "headers": {"WWW-Authenticate": "Bearer"}, "body": ""}
    with gateway(returns, renames=renames) as running:
        answer = running.send("POST")
        assert [header.lower() for header in answer.headers if header.lower().endswith("authenticate")] == [name]


@pytest.mark.parametrize(
    ("returns", "status", "body"),
    [
        ({"statusCode": 201, "body": "made"}, 201, b"made"),
        ({"statusCode": 200, "body": "bWFkZQ==", "isBase64Encoded": True}, 200, b"made"),
        ({"message": "no status"}, 200, b'{"message": "no status"}'),
        ("text", 200, b'"text"'),
        ({"statusCode": "many"}, 500, b'{"message": "Internal Server Error"}'),
        (
            Outcome(b'{"errorType": "X", "errorMessage": "y"}', failed=True),
            500,
            b'{"message": "Internal Server Error"}',
        ),
        (Outcome(b"not json", failed=False), 500, b'{"message": "Internal Server Error"}'),
        (Busy(), 503, b'{"message": "Service Unavailable"}'),
    ],
)
def test_a_value_that_the_function_returns_becomes_the_answer(returns: Any, status: int, body: bytes) -> None:
    with gateway(returns) as running:
        answer = running.send("POST")
        assert (answer.status, answer.data) == (status, body)
        assert answer.headers["apigw-requestid"]


def test_cookies_of_the_function_are_set_one_by_one() -> None:
    with gateway({"statusCode": 200, "cookies": ["a=1", "b=2"], "body": ""}) as running:
        assert running.send("POST").headers.getlist("set-cookie") == ["a=1", "b=2"]
