"""Our gateway treats a request as API Gateway's HTTP API does. Each row names the AWS page that says so."""

import base64
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.aws.account import Principal
from local.emulator.pool import Busy, Outcome, Pool
from local.gateway.api import Api, CannotEmulate, Cors, Route, read_api
from local.gateway.gateway import gateway_app
from tests.kit.servers import serving

# Each row's page, below https://docs.aws.amazon.com/apigateway/latest/developerguide/
LAMBDA = "http-api-develop-integrations-lambda.html"
CORS = "http-api-cors.html"
QUOTAS = "http-api-quotas.html"
ROUTES = "http-api-develop-routes.html"
THROTTLING = "http-api-throttling.html"
MAPPING = "http-api-parameter-mapping.html"
# Of preflights that a route takes AWS's page speaks only where it speaks of `$default`; these report it of `ANY`:
# https://github.com/aws/serverless-application-model/issues/1603, https://github.com/anomalyco/sst/issues/5493

FORM = "application/x-www-form-urlencoded"
PRINCIPAL = Principal.new()
PAGE = "https://site.example"
ALLOWED = Cors(frozenset({PAGE}), "GET,POST", "authorization,content-type", "retry-after,www-authenticate", 600)
ROUTED = {
    ("ANY", "/token"): Route("Broker"),
    ("GET", "/health"): Route("Broker"),
    ("ANY", "/iam/token"): Route("Iam", needs_iam=True),
}


class Function(Pool):
    """Stands in for the function: keeps the event, and returns the test's value."""

    def __init__(self, returns: Any = None) -> None:
        super().__init__([])
        self.events: list[dict[str, Any]] = []
        self.returns = {"statusCode": 200, "body": "ok"} if returns is None else returns

    async def invoke(self, event: bytes) -> Outcome:
        self.events.append(json.loads(event))
        if isinstance(self.returns, Exception):
            raise self.returns
        if isinstance(self.returns, Outcome):
            return self.returns
        return Outcome(json.dumps(self.returns).encode(), failed=False)


class Gateway:
    def __init__(self, origin: str, function: Function) -> None:
        self.origin = origin
        self.function = function
        self._web = urllib3.PoolManager(retries=False, timeout=10)

    def send(self, method: str, path: str = "/token", **options: Any) -> urllib3.BaseHTTPResponse:
        return self._web.request(method, self.origin + path, redirect=False, **options)

    def event(self, method: str = "POST", path: str = "/token", **options: Any) -> dict[str, Any]:
        """The event that a request became."""
        self.send(method, path, **options)
        return self.function.events[-1]


@contextmanager
def gateway(
    returns: Any = None, *, cors: Cors | None = ALLOWED, rate: float = 1000, burst: float = 1000, renames: bool = False
) -> Iterator[Gateway]:
    function = Function(returns)
    api, pools = Api(ROUTED, cors, rate, burst), {"Broker": function, "Iam": function}
    with serving(lambda: gateway_app(api, pools, PRINCIPAL, renames=renames)) as origin:
        yield Gateway(origin, function)


@pytest.fixture
def plain() -> Iterator[Gateway]:
    with gateway() as running:
        yield running


@pytest.mark.parametrize(
    ("content_type", "body", "is_base64", "page"),
    [
        ("application/x-www-form-urlencoded", "a=1", True, LAMBDA),
        (None, "a=1", True, LAMBDA),
        ("application/octet-stream", "a", True, LAMBDA),
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


PREFLIGHT = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
ADMITTED = {
    "access-control-allow-origin": PAGE,
    "access-control-allow-methods": "GET,POST",
    "access-control-allow-headers": "authorization,content-type",
    "access-control-max-age": "600",
}


def cors_headers(answer: urllib3.BaseHTTPResponse) -> dict[str, str]:
    names = [name for name in answer.headers if name.lower().startswith("access-control-")]
    return {name.lower(): answer.headers[name] for name in names}


@pytest.mark.parametrize("path", ["/health", "/unknown"])
def test_a_preflight_that_no_route_takes_is_answered_without_the_function(plain: Gateway, path: str) -> None:
    # http-api-cors.html: "even if there isn't an OPTIONS route".
    answer = plain.send("OPTIONS", path, headers=PREFLIGHT)
    assert (answer.status, cors_headers(answer), plain.function.events) == (204, ADMITTED, [])


def test_a_preflight_of_an_any_route_is_the_function_s_to_answer() -> None:
    returns = {"statusCode": 204, "headers": {"Access-Control-Allow-Origin": "*"}}
    with gateway(returns) as running:
        answer = running.send("OPTIONS", headers=PREFLIGHT)
        assert (answer.status, cors_headers(answer)) == (204, ADMITTED)
        assert [event["requestContext"]["http"]["method"] for event in running.function.events] == ["OPTIONS"]


def test_a_preflight_that_the_function_refuses_stays_refused() -> None:
    with gateway({"statusCode": 405, "body": ""}) as running:
        answer = running.send("OPTIONS", headers=PREFLIGHT)
        assert (answer.status, cors_headers(answer)) == (405, ADMITTED)


def test_a_preflight_is_not_signed_so_the_authorizer_of_its_route_forbids_it(plain: Gateway) -> None:
    # http-api-cors.html, "Configuring CORS for an HTTP API with a $default route and an authorizer".
    answer = plain.send("OPTIONS", "/iam/token", headers=PREFLIGHT)
    assert (answer.status, plain.function.events) == (403, [])


@pytest.mark.parametrize("path", ["/token", "/health"])
def test_a_preflight_of_another_origin_gets_no_cors_headers(plain: Gateway, path: str) -> None:
    answer = plain.send("OPTIONS", path, headers=PREFLIGHT | {"Origin": "https://evil.example"})
    assert cors_headers(answer) == {}


def test_options_goes_to_the_function_where_cors_is_not_configured() -> None:
    with gateway(cors=None) as running:
        assert running.send("OPTIONS", headers=PREFLIGHT).status == 200
        assert len(running.function.events) == 1


def test_the_function_s_own_cors_headers_are_dropped() -> None:
    returns = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*", "X-Mine": "1"}, "body": ""}
    with gateway(returns) as running:
        answer = running.send("POST", headers={"Origin": PAGE})
        assert (answer.headers["access-control-allow-origin"], answer.headers["x-mine"]) == (PAGE, "1")
        assert "access-control-allow-origin" not in running.send("POST").headers


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


def resources(operation: dict[str, Any], **api: Any) -> dict[str, Any]:
    body = {"paths": {"/token": {"post": operation}}, **api}
    return {
        "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": body}},
        "Stage": {"Type": "AWS::ApiGatewayV2::Stage", "Properties": {}},
    }


URI = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/Broker.Arn/invocations"
INTEGRATION = {"type": "aws_proxy", "payloadFormatVersion": "2.0", "uri": URI}
PROXY: dict[str, Any] = {"x-amazon-apigateway-integration": INTEGRATION}


def test_a_template_that_can_be_emulated_is_read() -> None:
    assert read_api(resources(PROXY)) == Api({("POST", "/token"): Route("Broker")}, None, 10_000, 5_000)


@pytest.mark.parametrize(
    "given",
    [
        resources({**PROXY, "security": [{"Jwt": []}]}),
        resources({"x-amazon-apigateway-integration": INTEGRATION | {"payloadFormatVersion": "1.0"}}),
        resources({"x-amazon-apigateway-integration": INTEGRATION | {"uri": "arn:aws:lambda:other"}}),
        resources(PROXY, **{"x-amazon-apigateway-cors": {"allowOrigins": "https://a.example"}}),
        resources(PROXY, **{"x-amazon-apigateway-cors": {"allowOrigins": ["*"]}}),
        {"Rest": {"Type": "AWS::ApiGateway::RestApi", "Properties": {}}},
    ],
    ids=["an authorizer", "payload 1.0", "another function", "origins as one text", "any origin", "a REST API"],
)
def test_a_template_that_cannot_be_emulated_is_refused_at_start(given: dict[str, Any]) -> None:
    with pytest.raises(CannotEmulate):
        read_api(given)


def test_a_route_behind_iam_is_read_as_such() -> None:
    assert read_api(resources({**PROXY, "security": [{"AWS_IAM": []}]})).routes == {
        ("POST", "/token"): Route("Broker", needs_iam=True)
    }


# http-api-access-control-iam.html


def signed(
    origin: str, body: bytes = b"a=1", *, access_key: str = PRINCIPAL.access_key, region: str = "us-east-1"
) -> dict[str, str]:
    """The headers of a request that AWS's own SDK signed."""
    request = AWSRequest("POST", f"{origin}/iam/token", headers={"content-type": FORM}, data=body)
    SigV4Auth(Credentials(access_key, PRINCIPAL.secret_key), "execute-api", region).add_auth(request)
    return dict(request.headers.items())


def test_a_signed_request_becomes_an_event_with_its_signer() -> None:
    with gateway() as running:
        event = running.event("POST", "/iam/token", body=b"a=1", headers=signed(running.origin))
    identity = event["requestContext"]["authorizer"]["iam"]
    assert identity.keys() == {
        "accessKey",
        "accountId",
        "callerId",
        "cognitoIdentity",
        "principalOrgId",
        "userArn",
        "userId",
    }
    assert identity["userArn"] == "arn:aws:sts::123456789012:assumed-role/local-role/local-session"


@pytest.mark.parametrize(
    "changes",
    [
        {"Authorization": None},
        {"Authorization": "Bearer a.b.c"},
        {"X-Amz-Date": "20200101T000000Z"},
        {"X-Amz-Date": "now"},
        {"content-type": "text/plain"},
        {"X-Amz-Content-SHA256": "0" * 64},
    ],
    ids=str,
)
def test_a_request_without_a_valid_signature_is_forbidden_and_not_invoked(changes: dict[str, str | None]) -> None:
    with gateway() as running:
        headers = signed(running.origin) | changes
        sent = {name: value for name, value in headers.items() if value is not None}
        answer = running.send("POST", "/iam/token", body=b"a=1", headers=sent)
        assert (answer.status, answer.data, running.function.events) == (403, b'{"message": "Forbidden"}', [])


def test_another_body_key_region_or_path_is_forbidden() -> None:
    with gateway() as running:
        for headers, body, path in (
            (signed(running.origin), b"a=2", "/iam/token"),
            (signed(running.origin), b"a=1", "/iam/token?x=1"),
            (signed(running.origin, access_key="AKIAOTHER"), b"a=1", "/iam/token"),
            (signed(running.origin, region="eu-west-1"), b"a=1", "/iam/token"),
        ):
            assert running.send("POST", path, body=body, headers=headers).status == 403


def test_a_route_without_iam_never_has_an_identity() -> None:
    with gateway() as running:
        event = running.event("POST", "/token", body=b"a=1", headers=signed(running.origin))
    assert "authorizer" not in event["requestContext"]
