"""An event of API Gateway becomes an HTTP request. Its form is tested in test_request."""

from typing import Any

import pytest
from broker.base.errors import BrokerFault
from broker.request.http import HttpRequest, read_event

EVENT: dict[str, Any] = {
    "version": "2.0",
    "routeKey": "ANY /token",
    "rawQueryString": "grant_type=client_credentials&scope=admin",
    "headers": {"authorization": "Bearer a.b.c"},
    "requestContext": {
        "requestId": "id",
        "domainName": "id.example",
        "http": {"method": "POST"},
        "authorizer": {"jwt": {"claims": {"sub": "x"}}},
    },
    "body": "YT0x",
    "isBase64Encoded": True,
}


def test_an_event_is_read_without_its_query_and_authorizer() -> None:
    headers = {"authorization": "Bearer a.b.c"}
    assert read_event(EVENT, None) == HttpRequest(
        "id", "POST", "ANY /token", "https://id.example", headers, "YT0x", True
    )


@pytest.mark.parametrize(
    "event",
    [
        {},
        None,
        [],
        "text",
        {**EVENT, "version": "1.0"},
        {"source": "aws.events", "detail": {}},
        {"Records": [{"eventSource": "aws:s3"}]},
        {name: value for name, value in EVENT.items() if name != "requestContext"},
        {**EVENT, "requestContext": {"elb": {}}},
    ],
)
def test_an_event_of_another_kind_is_refused(event: Any) -> None:
    with pytest.raises(BrokerFault):
        read_event(event, None)


def test_a_public_url_is_the_broker_s_origin_and_the_host_header_is_not() -> None:
    event = {**EVENT, "headers": {"host": "evil.example", "x-forwarded-host": "evil.example"}}
    assert read_event(event, None).origin == "https://id.example"
    assert not read_event(event, None).is_origin_configured
    configured = read_event(event, "https://tokens.example.com")
    assert (configured.origin, configured.is_origin_configured) == ("https://tokens.example.com", True)


def test_the_jwt_does_not_show() -> None:
    assert "a.b.c" not in repr(read_event(EVENT, None))
