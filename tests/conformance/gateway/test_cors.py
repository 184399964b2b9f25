"""Preflights and the headers of CORS, as API Gateway answers and drops them."""

import pytest
import urllib3

from tests.kit.gateways import PAGE, Gateway, gateway

# The page is http-api-cors.html of the guide. Of preflights that a route takes it speaks only for `$default`; these
# report it of `ANY`: https://github.com/aws/serverless-application-model/issues/1603,
# https://github.com/anomalyco/sst/issues/5493


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
