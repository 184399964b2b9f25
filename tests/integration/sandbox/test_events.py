"""Server-sent events of an Assembly, as Uppy opens them."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.kit.api2 import Api2
from tests.kit.waiting import wait_until

DONE = "assembly_finished"
Event = tuple[str, str, str]  # id, name, data


@contextmanager
def listening(api2: Api2, assembly: dict[str, Any], last: str = "") -> Iterator[list[Event]]:
    """The events so far, as they come; `last`: the id that a browser sends when it comes again."""
    seen: list[Event] = []
    connection = http.client.HTTPConnection(api2.origin.removeprefix("http://"), timeout=60)
    path = f"{assembly['websocket_url']}?assembly={assembly['assembly_id']}".removeprefix(api2.origin)
    connection.request("GET", path, headers={"Last-Event-ID": last} if last else {})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream")
    assert answer.headers["access-control-allow-origin"] == "*"

    def read() -> None:
        event: dict[str, str] = {}
        for line in answer:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if value:
                event[name] = value
            elif event:
                seen.append((event["id"], event.get("event", ""), event["data"]))
                event = {}

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield seen
    finally:
        # The sandbox ends the stream once the Assembly has ended.
        api2.send("DELETE", assembly["assembly_url"])
        thread.join(10)
        connection.close()


def names(events: list[Event]) -> list[str]:
    return [name or data for _, name, data in events]


def test_events_come_as_the_assembly_goes_on_and_end_with_it(api2: Api2) -> None:
    made = api2.assembly(expected=1)
    with listening(api2, made) as events:
        api2.upload(made, b"abc", "a.png")
        wait_until(lambda: len(events) == 4)
        assert names(events) == [
            "assembly_upload_finished",
            "assembly_uploading_finished",
            "assembly_upload_meta_data_extracted",
            "assembly_execution_progress",
        ]
        assert json.loads(events[0][2]) == api2.status(made)["uploads"][0]
        api2.advance(10)
        wait_until(lambda: names(events)[-1] == DONE)
    assert names(events)[4:] == ["assembly_result_finished", "assembly_execution_progress", DONE]
    assert json.loads(events[4][2]) == ["resized", api2.status(made)["results"]["resized"][0]]


def test_a_late_listener_gets_all_events_and_a_returning_one_the_rest(api2: Api2) -> None:
    made = api2.assembly()
    with listening(api2, made) as first:
        wait_until(lambda: len(first) == 3)
        api2.advance(10)
        wait_until(lambda: names(first)[-1] == DONE)
    with listening(api2, made) as late:
        wait_until(lambda: names(late)[-1:] == [DONE])
    assert late == first
    with listening(api2, made, last=first[2][0]) as again:
        wait_until(lambda: names(again)[-1:] == [DONE])
    assert again == first[3:]


def test_a_browser_does_not_reconnect_to_an_assembly_that_has_ended(api2: Api2) -> None:
    made = api2.assembly()
    api2.send("DELETE", made["assembly_url"])
    path = made["update_stream_url"]
    assert api2.raw("GET", path, headers={"Last-Event-ID": "3"}).status == 204


def test_a_failure_is_an_event(api2: Api2) -> None:
    made = api2.assembly(expected=1)
    with listening(api2, made) as events:
        api2.control("fail", assembly_id=made["assembly_id"], error="INTERNAL_COMMAND_ERROR")
        wait_until(lambda: names(events) == ["assembly_error"])
    assert json.loads(events[0][2])["error"] == "INTERNAL_COMMAND_ERROR"


def test_an_unknown_assembly_has_no_events(api2: Api2) -> None:
    assert api2.send("GET", "/updates?assembly=unknown")[1]["error"] == "ASSEMBLY_NOT_FOUND"
