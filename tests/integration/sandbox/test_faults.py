"""Faults on demand, and the other controls."""

import socket
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3

from local.sandbox.model import Limit, Settings
from tests.integration.sandbox.conftest import Start
from tests.kit.api2 import NARROW, Api2


@pytest.mark.parametrize(
    ("fault", "status", "data"),
    [
        ({"status": 503}, 503, b""),
        ({"status": 429, "body": {"error": "RATE_LIMIT_REACHED"}}, 429, b'{"error": "RATE_LIMIT_REACHED"}'),
        ({"body": "<html>", "content_type": "text/html"}, 200, b"<html>"),
        ({"redirect": "http://127.0.0.1:9/"}, 302, b""),
    ],
)
def test_a_fault_is_met_as_often_as_asked_then_no_more(
    api2: Api2, fault: dict[str, Any], status: int, data: bytes
) -> None:
    api2.control("faults", path="/assemblies", times=2, **fault)
    for _ in range(2):
        answer = api2.raw("GET", "/assemblies")
        assert (answer.status, answer.data) == (status, data)
    assert api2.raw("GET", "/assemblies").status == 400


def test_a_pattern_covers_many_paths_and_a_method_one_of_each(api2: Api2) -> None:
    made = api2.assembly()
    api2.control("faults", path="/assemblies/*", method="GET", times=2, status=503)
    assert api2.raw("DELETE", made["assembly_url"]).status == 200
    assert api2.raw("GET", made["assembly_url"]).status == 503
    assert api2.raw("GET", "/assemblies/unknown").status == 503
    assert api2.raw("GET", made["assembly_url"]).status == 200


@pytest.mark.parametrize(("share", "met"), [(0.5, [2, 4, 6, 8, 10]), (0.3, [4, 7, 10]), (1, [*range(1, 11)])])
def test_a_fault_for_a_share_of_the_requests_meets_exactly_that_share(api2: Api2, share: float, met: list[int]) -> None:
    api2.control("faults", path="/token", share=share, status=503)
    assert [number for number in range(1, 11) if api2.raw("POST", "/token").status == 503] == met


def test_a_fault_for_a_share_may_end_after_some_times(api2: Api2) -> None:
    api2.control("faults", path="/token", share=0.5, times=2, status=503)
    assert [api2.raw("POST", "/token").status for _ in range(6)] == [401, 503, 401, 503, 401, 401]


def test_faults_are_met_in_the_order_in_which_they_were_asked_for(api2: Api2) -> None:
    api2.control("faults", path="/token", status=500)
    api2.control("faults", path="/*", status=502)
    assert [api2.raw("POST", "/token").status for _ in range(3)] == [500, 502, 401]


def test_a_reset_closes_the_connection(api2: Api2) -> None:
    api2.control("faults", path="/token", reset=True)
    host, port = urlsplit(api2.origin).netloc.split(":")
    with socket.create_connection((host, int(port))) as connection:
        # In one piece, so that the reset is met by reading.
        connection.sendall(f"POST /token HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert api2.token()[0] == 200


def test_an_answer_of_garbage_is_no_http(api2: Api2) -> None:
    api2.control("faults", path="/token", garbage=True)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        api2.token()


@pytest.mark.parametrize("body", [{}, {"body": "x" * 1000}], ids=["the real answer", "another"])
def test_half_an_answer_promises_more_than_it_sends(api2: Api2, body: dict[str, str]) -> None:
    api2.control("faults", path="/token", half=True, **body)
    with pytest.raises(urllib3.exceptions.ProtocolError, match="IncompleteRead"):
        api2.token()
    assert api2.token()[0] == 200


def test_a_delay_comes_before_the_real_answer(api2: Api2) -> None:
    api2.control("faults", path="/token", delay_ms=20_000)
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        api2.raw("POST", "/token", timeout=0.1)


def test_throttling_says_when_to_come_again(api2: Api2) -> None:
    api2.control("faults", path="/token", error="RATE_LIMIT_REACHED", retry_in=7)
    answer = api2.raw("POST", "/token")
    assert (answer.status, answer.headers["retry-after"], answer.json()["info"]) == (429, "7", {"retryIn": 7})


def test_seconds_to_wait_are_whole_in_the_header_also_without_a_code(api2: Api2) -> None:
    api2.control("faults", path="/token", error="RATE_LIMIT_REACHED", retry_in=0.5)
    answer = api2.raw("POST", "/token")
    assert (answer.headers["retry-after"], answer.json()["info"]) == ("1", {"retryIn": 0.5})
    api2.control("faults", path="/token", status=503, retry_in=2)
    answer = api2.raw("POST", "/token")
    assert (answer.status, answer.headers["retry-after"]) == (503, "2")


@pytest.mark.parametrize(
    ("fault", "status", "headers"),
    [
        ({"body": "é", "content_type": "text/html; charset=utf-8"}, 200, {"content-type": "text/html; charset=utf-8"}),
        ({"body": {}, "headers": {"Content-Type": "application/a+json"}}, 200, {"content-type": "application/a+json"}),
        ({"redirect": "/elsewhere", "status": 307}, 307, {"location": "/elsewhere"}),
        ({"error": "SERVER_500", "headers": {"X-Trace": "1"}}, 500, {"x-trace": "1"}),
    ],
    ids=str,
)
def test_an_answer_has_the_headers_that_were_asked_for(
    api2: Api2, fault: dict[str, Any], status: int, headers: dict[str, str]
) -> None:
    api2.control("faults", path="/token", method="post", **fault)
    answer = api2.raw("POST", "/token")
    assert answer.status == status
    assert headers.items() <= {name.lower(): text for name, text in answer.headers.items()}.items()


def test_calls_are_counted_with_id_for_ids_since_the_reset(api2: Api2) -> None:
    made = api2.assembly()
    api2.token()
    api2.token()
    api2.status(made)
    api2.raw("GET", "/elsewhere")
    calls = {"POST /assemblies": 1, "POST /token": 2, "GET /assemblies/{id}": 1, "GET /elsewhere": 1}
    assert api2.send("GET", "/_sandbox/calls")[1] == calls
    api2.control("faults", path="/token", status=503)
    api2.control("reset")
    assert [api2.send("GET", f"/_sandbox/{what}")[1] for what in ("calls", "forms", "log")] == [{}, [], []]
    assert api2.token()[0] == 200
    assert api2.status(made)["assembly_id"] == made["assembly_id"]


def test_the_log_names_the_sender_and_the_reason_of_a_refusal(api2: Api2) -> None:
    token = api2.bearer("templates:read")
    api2.by(token, "GET", "/assemblies")
    api2.raw("GET", "/assemblies")
    assert api2.log()[1:] == [
        {
            "method": "GET",
            "path": "/assemblies",
            "status": 403,
            "caller": "bearer of key-1 (aud api2: templates:read)",
            "refused": "INSUFFICIENT_AUTH_SCOPE: The scope assemblies:read is needed",
            "fault": "",
        },
        {
            "method": "GET",
            "path": "/assemblies",
            "status": 400,
            "caller": "",
            "refused": "NO_PARAMS_FIELD: There is no params field",
            "fault": "",
        },
    ]


@pytest.mark.parametrize("fault", ["reset", "garbage"])
def test_the_log_shows_a_fault_and_no_status_where_nothing_was_answered(
    api2: Api2, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    caplog.set_level("INFO", "local.sandbox")
    api2.control("faults", path="/elsewhere", **{fault: True})
    with pytest.raises(urllib3.exceptions.ProtocolError):
        api2.raw("GET", "/elsewhere")
    api2.control("faults", path="/elsewhere", status=503, delay_ms=1)
    api2.raw("GET", "/elsewhere")
    assert [(entry["status"], entry["fault"]) for entry in api2.log()] == [(None, fault), (503, "status, delay_ms")]
    assert f"GET /elsewhere - nobody fault: {fault}" in caplog.messages


def test_a_refusal_names_the_key_that_was_refused(api2: Api2) -> None:
    token = api2.bearer()
    api2.token("key-1:wrong")
    api2.signed("GET", "/assemblies", key=replace(NARROW, secret="wrong"))
    api2.advance(21_600)
    api2.by(token, "GET", "/assemblies")
    callers = [(entry["caller"].partition(" (")[0], entry["refused"].partition(":")[0]) for entry in api2.log()[1:]]
    assert callers == [
        ("basic of key-1", "TOKEN_INVALID_CREDENTIALS"),
        ("signature of key-2", "INVALID_SIGNATURE"),
        ("bearer of key-1", "BEARER_TOKEN_EXPIRED"),
    ]


def test_nobody_writes_a_line_of_the_log(api2: Api2, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "local.sandbox")
    api2.raw("GET", "/elsewhere%0AGET /forged")
    api2.signed("POST", "/assemblies", steps={"a\nGET /forged": {}})
    forged = [line for line in caplog.messages if "forged" in line]
    assert len(forged) == 2
    assert "\n" not in "".join(forged)


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"path": "/token"},
        {"path": "/token", "status": 503, "tims": 2},
        {"path": "/token", "status": 503, "times": 0},
        {"path": "/token", "status": 503, "share": 2},
        {"path": "/token", "status": 99},
        {"path": "/token", "error": "NO_SUCH_CODE"},
        {"path": "/token", "delay_ms": "1"},
        {"path": 1, "status": 503},
        {"path": "token", "status": 503},
        {"path": "/token", "status": 503.0},
        {"path": "/token", "status": 503, "times": True},
        {"path": "/token", "status": 503, "method": ""},
        {"path": "/token", "status": 503, "headers": {"A": "b\r\nC: d"}},
        {"path": "/token", "status": 503, "headers": {"A\r\nC": "d"}},
        {"path": "/token", "status": 503, "headers": {"A": 1}},
        {"path": "/token", "body": "", "content_type": "text/html\r\nA: b"},
        {"path": "/token", "redirect": "/a\r\nB: c"},
        {"path": "/token", "redirect": "/", "status": 200},
        {"path": "/token", "redirect": "/", "error": "SERVER_500"},
        {"path": "/token", "reset": True, "garbage": True},
        {"path": "/token", "reset": True, "status": 503},
        {"path": "/token", "error": "SERVER_500", "body": ""},
        {"path": "/token", "delay_ms": 1, "headers": {"A": "b"}},
        {"path": "/token", "status": 503, "content_type": "a/b", "headers": {"content-type": "a/c"}},
    ],
    ids=str,
)
def test_a_malformed_fault_is_refused_with_what_to_write(api2: Api2, fault: dict[str, Any]) -> None:
    status, body = api2.control("faults", **fault)
    assert status == 400
    assert body["message"]


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("clock", {}),
        ("clock", {"advance": "x"}),
        ("clock", {"advance": "nan"}),
        ("clock", {"advance": float("nan")}),
        ("clock", {"advance": 1e300}),
        ("workspace", {"slug": "none", "cancelled": True}),
        ("workspace", {"slug": "sandbox", "cancelled": "yes"}),
        ("workspace", {"slug": "sandbox"}),
        ("fail", {"error": "X"}),
        ("elsewhere", {}),
    ],
    ids=str,
)
def test_a_wrong_body_of_any_other_control_is_refused_with_an_example(
    api2: Api2, what: str, body: dict[str, Any]
) -> None:
    status, answer = api2.control(what, **body)
    assert status == 400
    # An example that can be sent, or the controls that there are.
    assert ('; send such as {"' in answer["message"]) == (what != "elsewhere")
    assert answer["message"]


def test_a_control_takes_an_object_alone(api2: Api2) -> None:
    sent = {what: api2.send("POST", f"/_sandbox/{what}", json="x") for what in ("workspace", "clock", "faults", "fail")}
    assert {status for status, _ in sent.values()} == {400}


def test_pages_of_other_origins_read_no_control(api2: Api2) -> None:
    assert "access-control-allow-origin" not in api2.raw("GET", "/_sandbox/log").headers


def test_a_client_that_asks_too_often_meets_the_proxy(start: Start) -> None:
    api2 = start(Settings(request_limit=Limit(2, 10)))
    assert [api2.raw("GET", "/elsewhere").status for _ in range(3)] == [404, 404, 429]
    assert api2.send("GET", "/elsewhere")[1]["error"] == "429 Too Many Requests"
