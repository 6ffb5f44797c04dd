"""What every engine owes the turn program: drained soon, by one drain at a time, and never forgotten."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from focal_service_kit import tasks
from focal_turn_gateway.adapters.engines.in_memory import InMemoryEngine
from focal_turn_gateway.adapters.engines.places import Places
from focal_turn_gateway.adapters.engines.postgres import PostgresEngine
from focal_turn_gateway.ports.engine import Hold, TurnEngine
from tests.fakes.gateway_engines import Hints, Leases, Presence
from tests.fakes.until import until

Drain = Callable[[Hold], Awaitable[None]]


def on_postgres() -> PostgresEngine:
    places = Places(10, lambda _: 10)
    return PostgresEngine(
        Leases(), Presence(), Hints(), places, sweep_s=0.05, sweep_limit=500, max_waiting=1000
    )


@pytest.fixture(params=[InMemoryEngine, on_postgres], ids=["in_memory", "postgres"])
def engine(request: pytest.FixtureRequest) -> TurnEngine:
    made: TurnEngine = request.param()
    return made


@asynccontextmanager
async def serving(engine: TurnEngine, drain: Drain) -> AsyncIterator[None]:
    running = asyncio.ensure_future(engine.serve(drain))
    try:
        yield
    finally:
        assert not running.done()
        await tasks.cancel([running])


async def test_a_woken_session_is_drained(engine: TurnEngine) -> None:
    drained = []

    async def drain(hold: Hold) -> None:
        drained.append(hold.session_id)

    async with serving(engine, drain):
        engine.wake("acme", "ses_1")
        await until(lambda: drained == ["ses_1"], "the session is drained")


async def test_a_wake_before_the_engine_serves_is_not_lost(engine: TurnEngine) -> None:
    drained = []

    async def drain(hold: Hold) -> None:
        drained.append(hold.session_id)

    engine.wake("acme", "ses_1")
    async with serving(engine, drain):
        await until(lambda: drained == ["ses_1"], "the session is drained")


async def test_a_session_has_one_drain_at_a_time_and_others_run_beside_it(engine: TurnEngine) -> None:
    running: list[str] = []
    overlaps: list[str] = []
    go = asyncio.Event()

    async def drain(hold: Hold) -> None:
        overlaps.extend(session for session in running if session == hold.session_id)
        running.append(hold.session_id)
        await go.wait()
        running.remove(hold.session_id)

    async with serving(engine, drain):
        for _ in range(3):
            engine.wake("acme", "ses_1")
            engine.wake("acme", "ses_2")
            await asyncio.sleep(0.01)
        assert sorted(running) == ["ses_1", "ses_2"]
        go.set()
        await until(lambda: not running, "both end")
    assert overlaps == []


async def test_a_wake_during_a_drain_reaches_it(engine: TurnEngine) -> None:
    reached = asyncio.Event()

    async def drain(hold: Hold) -> None:
        hold.woken.clear()
        started.set()
        await hold.woken.wait()
        hold.woken.clear()
        reached.set()

    started = asyncio.Event()
    async with serving(engine, drain):
        engine.wake("acme", "ses_1")
        await asyncio.wait_for(started.wait(), 5)
        engine.wake("acme", "ses_1")
        await asyncio.wait_for(reached.wait(), 5)


async def test_a_wake_between_the_last_look_and_the_end_of_a_drain_is_answered(engine: TurnEngine) -> None:
    looks = 0

    async def drain(hold: Hold) -> None:
        nonlocal looks
        hold.woken.clear()
        looks += 1  # the last look at the table
        if looks == 1:
            engine.wake("acme", "ses_1")  # a message comes right behind it
            await asyncio.sleep(0.01)

    async with serving(engine, drain):
        engine.wake("acme", "ses_1")
        await until(lambda: looks == 2, "the session is looked at again")


async def test_sessions_in_great_number_are_all_drained(engine: TurnEngine) -> None:
    drained: set[str] = set()

    async def drain(hold: Hold) -> None:
        await asyncio.sleep(0.001)
        drained.add(hold.session_id)

    async with serving(engine, drain):
        for number in range(200):
            engine.wake("acme", f"ses_{number}")
        await until(lambda: len(drained) == 200, "all are drained")
