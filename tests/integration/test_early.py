"""The first work of a start: a connection to api2, opened before the other modules are imported."""

import socket
import time
from pathlib import Path

import pytest
from broker.base.net import Call, OutOfReach
from broker.early import begin_start

from tests.kit.peers import OK, nobody, peer
from tests.kit.policies import compiled
from tests.kit.waiting import wait_until


def policy_of(folder: Path, upstream: str) -> Path:
    file = folder / "policy.json"
    file.write_bytes(compiled(is_local=True, upstream=upstream, aws_endpoint=upstream))
    return file


def test_a_start_connects_to_api2_by_itself_and_the_first_call_uses_that_connection(tmp_path: Path) -> None:
    accepted: list[socket.socket] = []

    def note(connection: socket.socket) -> socket.socket:
        accepted.append(connection)
        return connection

    answer = OK + b"content-length: 2\r\n\r\n{}"
    with peer(lambda connection: connection.sendall(answer), accepted=note) as origin:
        early = begin_start(time.time, policy_of(tmp_path, origin))
        early.connection.result(60)
        wait_until(lambda: len(accepted) == 1)
        assert early.http(Call("POST", f"{origin}/token", 5, 100)).body == b"{}"
        assert len(accepted) == 1


def test_a_start_goes_on_where_api2_is_out_of_reach(tmp_path: Path) -> None:
    with nobody() as origin:
        early = begin_start(time.time, policy_of(tmp_path, origin))
        with pytest.raises(OutOfReach, match="connection"):
            early.connection.result(60)
    assert early.policy.upstream == origin


@pytest.mark.parametrize("text", [None, "{}"], ids=["missing", "none"])
def test_a_start_without_a_compiled_policy_fails(text: str | None, tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises((OSError, ValueError)):
        begin_start(time.time, file)
