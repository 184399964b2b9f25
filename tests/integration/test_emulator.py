"""The pool of environments, each with the real emulator; and the plain workers that stand in for it."""

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from local.emulator.environment import Function, environments
from local.emulator.pool import Busy, Outcome, Pool

HANDLER = """
import os, signal, time

def handler(event, context):
    if event.get("raise"):
        raise ValueError("as asked")
    while event.get("until") and not os.path.exists(event["until"]):
        time.sleep(0.02)
    if event.get("sleep"):
        time.sleep(event["sleep"])
    if event.get("touch"):
        open(event["touch"], "w").close()
    if event.get("exit"):
        os._exit(1)
    return {"pid": os.getpid(), "left": context.get_remaining_time_in_millis(), "id": context.aws_request_id}
"""

Story = Callable[[Pool], Awaitable[None]]


@pytest.fixture(params=["emulator", "worker"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., None]:
    """Runs a story on a pool of both kinds."""
    artifact = tmp_path / "artifact"
    artifact.mkdir()
    (artifact / "app.py").write_text(HANDLER)

    def play(story: Story, *, count: int = 1, timeout: int = 20, queue_seconds: float = 30) -> None:
        async def played() -> None:
            function = Function(artifact, "app.handler", timeout, 128)
            made = environments(count, function, tmp_path, {}, plain=request.param == "worker")
            pool = Pool(made, queue_seconds)
            await pool.start()
            try:
                await story(pool)
            finally:
                await pool.stop()
            assert not any(environment.is_alive for environment in made)

        asyncio.run(played())

    return play


async def call(pool: Pool, **event: Any) -> dict[str, Any]:
    outcome = await pool.invoke(json.dumps(event).encode())
    assert not outcome.failed, outcome
    return dict(json.loads(outcome.payload))


def test_ten_callers_share_two_environments(run: Callable[..., None]) -> None:
    async def story(pool: Pool) -> None:
        answers = await asyncio.gather(*(call(pool, sleep=0.05) for _ in range(10)))
        assert 1 <= len({answer["pid"] for answer in answers}) <= 2
        assert all(0 < answer["left"] <= 20_000 for answer in answers)

    run(story, count=2)


def test_a_caller_that_hangs_up_leaves_its_environment_working(run: Callable[..., None], tmp_path: Path) -> None:
    async def story(pool: Pool) -> None:
        before = await call(pool)
        impatient = asyncio.create_task(call(pool, sleep=0.5, touch=str(tmp_path / "done")))
        await asyncio.sleep(0.1)
        impatient.cancel()
        after = await call(pool)
        assert after["pid"] == before["pid"]
        assert (tmp_path / "done").exists()

    run(story)


def test_an_exception_is_a_failed_outcome(run: Callable[..., None]) -> None:
    async def story(pool: Pool) -> None:
        outcome = await pool.invoke(b'{"raise": true}')
        assert outcome.failed
        assert json.loads(outcome.payload)["errorType"] == "ValueError"
        await call(pool)

    run(story)


def test_a_timeout_is_a_failed_outcome_and_the_next_call_works(run: Callable[..., None]) -> None:
    async def story(pool: Pool) -> None:
        outcome = await pool.invoke(b'{"sleep": 30}')
        assert outcome.failed
        assert b"Task timed out after 4.00 seconds" in outcome.payload
        await call(pool)

    run(story, timeout=4)  # the next call may meet a machine that is slow for a moment


def test_an_environment_that_exits_is_replaced(run: Callable[..., None]) -> None:
    async def story(pool: Pool) -> None:
        before = await call(pool)
        outcome = await pool.invoke(b'{"exit": true}')
        assert outcome.failed
        assert (await call(pool))["pid"] != before["pid"]

    run(story)


def test_a_killed_process_is_replaced(run: Callable[..., None]) -> None:
    async def story(pool: Pool) -> None:
        before = await call(pool)
        os.kill(before["pid"], signal.SIGKILL)
        outcomes: list[Outcome] = [await pool.invoke(b"{}") for _ in range(3)]
        # The first may still find it dying.
        assert not outcomes[-1].failed
        assert json.loads(outcomes[-1].payload)["pid"] != before["pid"]

    run(story)


def test_an_invocation_that_finds_no_free_environment_in_time_is_refused(
    run: Callable[..., None], tmp_path: Path
) -> None:
    async def story(pool: Pool) -> None:
        long = asyncio.create_task(call(pool, until=str(tmp_path / "refused")))
        await asyncio.sleep(0.1)
        with pytest.raises(Busy):
            await pool.invoke(b"{}")
        (tmp_path / "refused").touch()
        await long

    run(story, queue_seconds=0.2)
