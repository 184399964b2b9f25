"""The folder of the demo in place of a bucket, before a stand-in of the Assembly function and of api2."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from infra.sam import ROOT
from local.stack.inbox import Inbox, make_event
from tests.kit.servers import serving

ID = "0" * 32


class World:
    """What the function was sent, and what it and api2 answer."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.states = ["ASSEMBLY_EXECUTING", "ASSEMBLY_EXECUTING", "ASSEMBLY_COMPLETED"]
        self.failure: dict[str, str] | None = None
        self.shows_id = True

    def app(self) -> web.Application:
        async def invoke(request: web.Request) -> web.Response:
            self.events.append(await request.json())
            if self.failure:
                return web.json_response(self.failure, headers={"x-amz-function-error": "Unhandled"})
            if not self.shows_id:
                return web.json_response({"status": self.states.pop(0)})
            url = f"http://{request.host}/assemblies/{ID}"
            return web.json_response({"assembly_id": ID, "assembly_url": url, "status": self.states.pop(0)})

        async def status(request: web.Request) -> web.Response:
            return web.json_response({"ok": self.states.pop(0)})

        app = web.Application()
        app.router.add_post("/invoke", invoke)
        app.router.add_get("/assemblies/{id}", status)
        return app


class Desk:
    """An inbox, and what it told."""

    def __init__(self, world: World, folder: Path, origin: str) -> None:
        self.world = world
        self.lines: list[str] = []
        self.inbox = Inbox(folder, {"assembly_function_url": f"{origin}/invoke"}, self.lines.append)

    def drop(self, name: str = "a.mp4") -> Path:
        path = self.inbox.folder / name
        path.write_bytes(b"content")
        return path

    def look(self, times: int = 2) -> None:
        for _ in range(times):
            self.inbox.look()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    world = World()
    with serving(world.app) as origin:
        yield Desk(world, tmp_path / "inbox", origin)


def test_a_file_becomes_an_event_and_its_assembly_is_followed_to_its_end(desk: Desk) -> None:
    desk.drop()
    desk.look(4)
    assert desk.lines == [
        "a.mp4: Object Created, sent to the Assembly function",
        f"a.mp4: Assembly {ID}, ASSEMBLY_EXECUTING",
        "a.mp4: ASSEMBLY_COMPLETED",
    ]
    (event,) = desk.world.events
    assert event["detail"]["object"] | {"sequencer": ""} == {
        "key": "a.mp4",
        "size": 7,
        "etag": "9a0364b9e99bb480dd25e1f0284c8555",
        "sequencer": "",
    }


def test_a_file_that_is_still_written_waits(desk: Desk) -> None:
    path = desk.drop()
    desk.look(1)
    path.write_bytes(b"more content")
    desk.look(1)
    assert desk.world.events == []
    desk.look(1)
    assert len(desk.world.events) == 1


def test_a_file_that_is_written_again_is_another_event(desk: Desk) -> None:
    path = desk.drop()
    desk.look(4)
    path.write_bytes(b"other content")
    desk.world.states = ["ASSEMBLY_COMPLETED"] * 2
    desk.look(4)
    assert [event["detail"]["object"]["size"] for event in desk.world.events] == [7, 13]


def test_a_rule_that_shows_no_id_has_its_status_told(desk: Desk) -> None:
    desk.world.shows_id = False
    desk.drop()
    desk.look(3)
    assert desk.lines[1:] == ["a.mp4: an Assembly, ASSEMBLY_EXECUTING"]


def test_a_file_that_vanishes_or_a_folder_that_does_ends_nothing(desk: Desk) -> None:
    path = desk.drop()
    desk.world.states = []
    desk.look(1)
    path.unlink()
    desk.inbox.folder.rmdir()
    desk.look()
    assert (desk.lines, desk.world.events) == ([], [])


def test_a_file_that_cannot_be_read_is_told_and_ends_nothing(desk: Desk) -> None:
    (desk.inbox.folder / "a.mp4").symlink_to("/proc/self/mem")  # nobody, root included, reads its beginning
    desk.look(4)
    assert (desk.lines, desk.world.events) == (["a.mp4: Input/output error"], [])


def test_files_of_before_and_hidden_ones_are_left_alone(desk: Desk) -> None:
    desk.drop(".a.mp4.part")
    desk.look()
    assert desk.world.events == []
    later = Desk(desk.world, desk.inbox.folder, "http://127.0.0.1:9")
    later.drop("b.mp4")
    again = Inbox(desk.inbox.folder, {}, desk.lines.append)
    again.look()
    again.look()
    assert desk.lines == []


def test_a_refusal_of_the_function_is_told_by_its_name(desk: Desk) -> None:
    desk.world.failure = {"errorType": "AccessDenied", "errorMessage": "No rule of the trust policy matches."}
    desk.drop()
    desk.look(4)
    assert desk.lines[1:] == ["a.mp4: AccessDenied: No rule of the trust policy matches."]


def test_a_name_that_steers_the_terminal_is_told_in_quotes(desk: Desk) -> None:
    desk.drop("a\n\x1b[2J.mp4")
    desk.look(2)
    assert desk.lines[0] == r"'a\n\x1b[2J.mp4': Object Created, sent to the Assembly function"
    assert desk.world.events[0]["detail"]["object"]["key"] == "a\n\x1b[2J.mp4"


def test_a_name_that_no_object_can_have_is_told_and_not_sent(desk: Desk) -> None:
    desk.drop("a\udcff.mp4")  # the byte FF
    desk.look(4)
    assert desk.lines == [r"'a\udcff.mp4': nothing is sent, since the key of an object is UTF-8; give it another name"]
    assert desk.world.events == []


def test_a_function_that_does_not_answer_ends_nothing(tmp_path: Path) -> None:
    desk = Desk(World(), tmp_path / "inbox", "http://127.0.0.1:9")
    desk.drop()
    desk.look(3)
    assert desk.lines[1:] == ["a.mp4: no usable answer; the log says why"]


def test_the_event_is_one_that_the_function_reads(tmp_path: Path) -> None:
    path = tmp_path / "100 % \u00fcber.mp4"
    path.write_bytes(b"x")
    event = json.loads(json.dumps(make_event(path)))
    sample = json.loads((ROOT / "tests/events/object-created.json").read_text())
    assert event.keys() == sample.keys()
    assert event["detail"].keys() == sample["detail"].keys()
    assert event["detail"]["object"]["key"] == "100 % \u00fcber.mp4"
