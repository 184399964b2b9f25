"""When a kept token is renewed, and by whom."""

import asyncio
import os
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from token_broker_client.errors import TokenError
from token_broker_client.exchange import Token
from token_broker_client.kept import PAUSE, KeptToken

from tests.kit.clock import Clock

DOWN = TokenError("unreachable", "down")
REFUSED = TokenError("access_denied", "refused", status=403)


class Gate:
    """A step of an exchange that begins and waits for the test to open it."""

    def __init__(self) -> None:
        self.began, self.opened = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.began.set()
        assert self.opened.wait(20)


class Exchanges:
    """The broker's side: numbered tokens of a life in seconds, or an error in their place."""

    def __init__(self, clock: Clock, life: float = 21_600) -> None:
        self.clock, self.life = clock, life
        self.error: BaseException | None = None
        self.tries: list[int] = []
        self.before: Callable[[], object] = lambda: None

    def __call__(self, tries: int) -> Token:
        self.tries.append(tries)
        number = len(self.tries)
        self.before()
        if self.error:
            raise self.error
        return Token(f"bearer-{number}", self.clock(), self.clock() + self.life, {})


@pytest.fixture
def exchanges(clock: Clock) -> Exchanges:
    return Exchanges(clock)


@pytest.fixture
def kept(exchanges: Exchanges, clock: Clock) -> KeptToken:
    return KeptToken(exchanges, clock)


@pytest.mark.parametrize(("life", "renewed_after"), [(21_600, 17_280), (1_000, 700), (900, 600), (300, 0)])
def test_a_token_is_renewed_when_a_fifth_of_its_life_or_five_minutes_are_left_whichever_is_more(
    exchanges: Exchanges, kept: KeptToken, clock: Clock, life: float, renewed_after: float
) -> None:
    exchanges.life = life
    kept.get()
    if renewed_after:
        clock.advance(renewed_after - 1)
        assert kept.get().value == "bearer-1"
        clock.advance(1)
    assert kept.get().value == "bearer-2"


def test_a_machine_that_slept_gets_a_new_token(kept: KeptToken, clock: Clock) -> None:
    kept.get()
    clock.advance(100_000)
    assert kept.get().value == "bearer-2"


def test_a_clock_that_was_set_back_makes_the_token_be_renewed(kept: KeptToken, clock: Clock) -> None:
    kept.get()
    clock.advance(-10)
    assert kept.get().value == "bearer-2"


def test_the_old_token_is_given_while_the_broker_is_down_and_renewed_when_it_is_back(
    exchanges: Exchanges, kept: KeptToken, clock: Clock
) -> None:
    kept.get()
    exchanges.error = DOWN
    clock.advance(17_280)
    assert [kept.get().value for _ in range(5)] == ["bearer-1"] * 5
    # With time to spare one try is made, and then none for the length of the pause.
    assert exchanges.tries == [4, 1]
    clock.advance(PAUSE)
    assert kept.get().value == "bearer-1"
    assert exchanges.tries == [4, 1, 1]
    exchanges.error = None
    clock.advance(PAUSE)
    assert kept.get().value == "bearer-4"


def test_in_its_last_five_minutes_a_token_is_renewed_with_all_tries_and_still_given_if_they_fail(
    exchanges: Exchanges, kept: KeptToken, clock: Clock
) -> None:
    kept.get()
    exchanges.error = DOWN
    clock.advance(21_600 - 299)
    assert kept.get().value == "bearer-1"
    assert exchanges.tries == [4, 4]


def test_a_dead_token_is_never_given(exchanges: Exchanges, kept: KeptToken, clock: Clock) -> None:
    kept.get()
    exchanges.error = DOWN
    clock.advance(21_600)
    with pytest.raises(TokenError, match="down"):
        kept.get()


def test_a_token_that_dies_while_the_broker_is_waited_for_is_not_given(
    exchanges: Exchanges, kept: KeptToken, clock: Clock
) -> None:
    kept.get()
    exchanges.error = DOWN
    exchanges.before = lambda: clock.advance(60)
    clock.advance(21_600 - 30)
    with pytest.raises(TokenError, match="down"):
        kept.get()


def test_the_pause_is_as_long_as_a_busy_broker_asks(exchanges: Exchanges, kept: KeptToken, clock: Clock) -> None:
    kept.get()
    exchanges.error = TokenError("temporarily_unavailable", "busy", status=429, retry_after=120)
    clock.advance(17_280)
    kept.get()
    clock.advance(119)
    kept.get()
    assert len(exchanges.tries) == 2
    clock.advance(1)
    kept.get()
    assert len(exchanges.tries) == 3


def test_a_broker_that_asks_for_a_day_is_asked_again_in_five_minutes(
    exchanges: Exchanges, kept: KeptToken, clock: Clock
) -> None:
    kept.get()
    clock.advance(17_280)
    exchanges.error = TokenError("temporarily_unavailable", "maintenance", status=503, retry_after=86_400)
    assert kept.get().value == "bearer-1"
    clock.advance(301)
    exchanges.error = None
    assert kept.get().value == "bearer-3"


def test_a_refusal_is_raised_though_the_old_token_lives(exchanges: Exchanges, kept: KeptToken, clock: Clock) -> None:
    kept.get()
    exchanges.error = REFUSED
    clock.advance(17_280)
    with pytest.raises(TokenError, match="refused"):
        kept.get()


def test_many_threads_and_tasks_that_ask_at_once_share_one_exchange(exchanges: Exchanges, kept: KeptToken) -> None:
    gate = exchanges.before = Gate()

    async def ask_tasks() -> list[str]:
        asked = [asyncio.create_task(kept.get_async()) for _ in range(50)]
        await asyncio.sleep(0)  # each task begins
        gate.opened.set()
        return [token.value for token in await asyncio.gather(*asked)]

    with ThreadPoolExecutor(8) as pool:
        threads = [pool.submit(kept.get) for _ in range(8)]
        assert gate.began.wait(20)
        assert asyncio.run(ask_tasks()) == ["bearer-1"] * 50
        assert [thread.result(20).value for thread in threads] == ["bearer-1"] * 8
    assert len(exchanges.tries) == 1


def test_the_event_loop_runs_on_while_a_task_renews(exchanges: Exchanges, kept: KeptToken) -> None:
    gate = exchanges.before = Gate()

    async def ask() -> str:
        asked = asyncio.create_task(kept.get_async())
        await asyncio.sleep(0)
        gate.opened.set()  # which no blocked loop would come to
        return (await asked).value

    assert asyncio.run(ask()) == "bearer-1"


def test_a_cancelled_task_takes_the_token_from_nobody(exchanges: Exchanges, kept: KeptToken) -> None:
    gate = exchanges.before = Gate()

    async def ask() -> list[str]:
        leads = asyncio.create_task(kept.get_async())
        await asyncio.to_thread(gate.began.wait, 20)
        waits, other = asyncio.create_task(kept.get_async()), asyncio.create_task(kept.get_async())
        await asyncio.sleep(0)
        leads.cancel()
        waits.cancel()
        gate.opened.set()
        return [(await other).value]

    assert asyncio.run(ask()) == ["bearer-1"]
    assert kept.get().value == "bearer-1"


def test_a_cancelled_task_takes_the_token_from_nobody_though_asyncio_s_pool_is_full(kept: KeptToken) -> None:
    go = threading.Event()

    async def ask() -> str:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        busy = loop.run_in_executor(None, go.wait, 20)
        leads = asyncio.create_task(kept.get_async())
        await asyncio.sleep(0)
        leads.cancel()
        try:
            return (await asyncio.wait_for(kept.get_async(), 10)).value
        finally:
            go.set()
            await busy

    assert asyncio.run(ask()) == "bearer-1"


def test_while_one_renews_the_others_get_the_old_token_at_once(
    exchanges: Exchanges, kept: KeptToken, clock: Clock
) -> None:
    kept.get()
    clock.advance(17_280)
    gate = exchanges.before = Gate()
    with ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(kept.get)
        assert gate.began.wait(20)
        assert kept.get().value == "bearer-1"
        gate.opened.set()
        assert renewing.result(20).value == "bearer-2"


def test_all_that_wait_for_an_exchange_get_its_error_and_the_next_one_tries_anew(
    exchanges: Exchanges, kept: KeptToken
) -> None:
    gate = exchanges.before = Gate()
    exchanges.error = REFUSED
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(kept.get)
        assert gate.began.wait(20)
        flight, is_ours = kept._join()
        assert not is_ours
        gate.opened.set()
        for waiting in (first, flight):
            with pytest.raises(TokenError, match="refused"):
                waiting.result(20)
    exchanges.error = None
    assert kept.get().value == "bearer-2"


def test_an_interruption_ends_the_thread_that_it_reached_and_the_others_may_ask_again(
    exchanges: Exchanges, kept: KeptToken
) -> None:
    flights = []
    exchanges.before = lambda: flights.append(kept._join()[0])
    exchanges.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        kept.get()
    with pytest.raises(TokenError, match="ask again"):
        flights[0].result(20)
    exchanges.error = None
    exchanges.before = lambda: None
    assert kept.get().value == "bearer-2"


def test_without_a_thread_for_the_renewal_the_task_is_told_and_the_next_one_tries_anew(
    kept: KeptToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as limited:
        limited.setattr(threading.Thread, "start", start)
        with pytest.raises(RuntimeError, match="can't start"):
            asyncio.run(kept.get_async())
    assert asyncio.run(kept.get_async()).value == "bearer-1"


def test_a_process_that_is_forked_amid_a_renewal_makes_its_own(exchanges: Exchanges, kept: KeptToken) -> None:
    gate = Gate()
    exchanges.before = gate
    with ThreadPoolExecutor(1) as pool:
        renewal = pool.submit(kept.get)
        assert gate.began.wait(20)
        with warnings.catch_warnings():
            # Python warns of a fork beside threads, which is what this test is about.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            _exit_after(kept, exchanges)
        _, status = os.waitpid(child, 0)
        gate.opened.set()
        assert renewal.result(20).value == "bearer-1"
    assert os.waitstatus_to_exitcode(status) == 0


def _exit_after(kept: KeptToken, exchanges: Exchanges) -> None:
    """End this process: with 0 if it gets a token of its own within seconds."""
    exchanges.before = lambda: None
    values: list[str] = []
    thread = threading.Thread(target=lambda: values.append(kept.get().value), daemon=True)
    thread.start()
    thread.join(10)
    os._exit(values != ["bearer-2"])
