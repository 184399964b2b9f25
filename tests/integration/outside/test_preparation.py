"""The calls that are made while the function initialises, so that its first caller waits for the mint alone."""

import time

import pytest
from aiohttp import web

from tests.kit.outside import World, late, says
from tests.kit.standstill import standstill


def test_the_first_exchange_calls_nobody_but_api2(outside: World) -> None:
    outside.broker.prepare()
    assert outside.post().status == 200
    assert outside.calls == {"mint": 1}


def test_an_initialisation_alone_mints_nothing(outside: World) -> None:
    outside.broker.prepare()
    assert outside.calls == {"issuer": 2, "secrets": 1}


def test_a_secret_that_could_not_be_read_is_read_for_the_first_caller(outside: World) -> None:
    well = outside.aws.answers[""]
    outside.aws.answers[""] = says({}, 503)
    outside.broker.prepare()
    outside.aws.answers[""] = well
    assert outside.post().status == 200
    assert outside.calls == {"secrets": 1, "mint": 1}


def test_an_issuer_that_is_down_stops_no_initialisation_and_is_asked_again_after_the_cool_down(outside: World) -> None:
    well = outside.issuer.answers[""]
    outside.issuer.answers[""] = says({}, 503)
    outside.broker.prepare()
    outside.issuer.answers[""] = well
    assert outside.post().outcome == (503, "temporarily_unavailable")
    outside.clock.ahead += 31
    assert outside.post().status == 200


def test_a_server_that_does_not_answer_delays_the_initialisation_no_longer_than_a_caller(outside: World) -> None:
    outside.issuer.answers[""] = late(20, says({}))
    outside.aws.answers[""] = late(20, says({}))
    started = time.monotonic()
    with standstill() as still:
        outside.broker.prepare()
    assert time.monotonic() - started < 3.5 + still.seconds


@pytest.mark.usefixtures("patience")
def test_a_connection_to_the_shared_table_is_opened_ahead_and_no_row_is_asked_for(sharing: World) -> None:
    well, times = sharing.table_answers, list[float]()

    async def noted(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        times.append(request.transport.get_extra_info("peername")[1])
        return await well(request)

    sharing.table_answers = noted
    sharing.broker.prepare()
    assert (sharing.calls, times) == ({"issuer": 2, "secrets": 1}, [])
    assert sharing.post().status == 200
    # Secret and table have one origin here: the connection that was opened for both serves all calls in turn.
    assert len(set(times)) == 1
