import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from focal_service_kit import tasks
from focal_turn_gateway import errors
from focal_turn_gateway.adapters.engines.places import Places
from focal_turn_gateway.adapters.engines.postgres import PostgresEngine
from focal_turn_gateway.ports.engine import Hold
from tests.fakes.gateway_engines import Hints, Leases, Presence
from tests.fakes.until import until


class Place:
    """An engine, what it stands on, and its drains: each runs until `go` is set, or fails with `failure`."""

    def __init__(self, presence: Presence, sweep_s: float = 60, **limits: Any) -> None:
        self.leases, self.presence, self.hints = Leases(), presence, Hints()
        places = Places(limits.pop("max_drains", 10), limits.pop("tenant_drains", lambda _: 10))
        chosen = {"sweep_limit": 10, "max_waiting": 100, **limits}
        self.engine = PostgresEngine(self.leases, presence, self.hints, places, sweep_s=sweep_s, **chosen)
        self.go = asyncio.Event()
        self.failure: Exception | None = None
        self.drained: list[tuple[str, int | None]] = []
        self.cancelled = 0
        self.running = asyncio.ensure_future(self.engine.serve(self.drain))

    async def drain(self, hold: Hold) -> None:
        hold.woken.clear()
        self.drained.append((hold.session_id, hold.lease))
        if self.failure:
            raise self.failure
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def until_joined(self) -> None:
        await until(lambda: self.engine._instance, "the instance has joined")

    async def until_drained(self, times: int) -> None:
        await until(lambda: len(self.drained) == times, f"drained {times} times")


MakePlace = Callable[..., Place]


@pytest.fixture
async def make() -> AsyncIterator[MakePlace]:
    places = []

    def make(presence: Presence | None = None, **changes: Any) -> Place:
        places.append(Place(presence or Presence(), **changes))
        return places[-1]

    yield make
    await tasks.cancel([place.running for place in places])


async def test_a_drain_holds_the_lease_of_this_instance_and_gives_it_back(make: MakePlace) -> None:
    place = make()
    place.engine.wake("acme", "ses_1")
    await place.until_drained(1)
    assert place.drained == [("ses_1", 1)]
    assert place.leases.held == {"ses_1": 1}
    place.go.set()
    await until(lambda: not place.leases.held, "the lease is given back")


async def test_an_instance_that_joins_looks_at_once_for_what_others_left(make: MakePlace) -> None:
    place = make(sweep_s=60)
    place.leases.unanswered = {"ses_1"}
    await place.until_drained(1)


async def test_a_session_held_elsewhere_is_hinted_and_left(make: MakePlace) -> None:
    place = make()
    place.leases.others = {"ses_1"}
    place.engine.wake("acme", "ses_1")
    await until(lambda: place.hints.sent == ["ses_1"], "its holder gets a hint")
    assert place.drained == []


async def test_a_hint_for_a_session_that_is_drained_here_reaches_its_drain(make: MakePlace) -> None:
    place = make()
    place.engine.wake("acme", "ses_1")
    await place.until_drained(1)
    place.hints.receive("ses_1")
    place.hints.receive("ses_9")  # somebody else's business
    place.go.set()
    await place.until_drained(2)
    assert {session for session, _ in place.drained} == {"ses_1"}


async def test_a_hint_that_meets_the_release_is_not_lost(make: MakePlace) -> None:
    """The release has looked before the message came, and still holds the lease: the hint is all there is."""
    place = make()
    place.leases.release_allowed.clear()
    place.go.set()
    place.engine.wake("acme", "ses_1")
    await asyncio.wait_for(place.leases.releasing.wait(), 5)
    place.hints.receive("ses_1")
    place.leases.release_allowed.set()
    await place.until_drained(2)


async def test_a_release_that_finds_messages_drains_again(make: MakePlace) -> None:
    place = make()
    place.go.set()
    place.leases.unanswered = {"ses_1"}
    place.engine.wake("acme", "ses_1")
    await until(lambda: len(place.drained) >= 2, "it is drained again")
    place.leases.unanswered.clear()


async def test_a_wake_before_the_instance_has_joined_is_kept(make: MakePlace) -> None:
    place = make(Presence(joined=False))
    await asyncio.sleep(0)
    place.engine.wake("acme", "ses_1")
    await asyncio.sleep(0.02)
    assert place.drained == []
    place.presence.join.set()
    await place.until_drained(1)


async def test_wakes_before_joining_are_kept_in_bounds(make: MakePlace) -> None:
    place = make(Presence(joined=False), sweep_limit=3)
    for number in range(100):
        place.engine.wake("acme", f"ses_{number}")
    assert len(place.engine._early) == 3


async def test_an_instance_that_was_given_up_stops_its_drains(make: MakePlace) -> None:
    place = make()
    place.engine.wake("acme", "ses_1")
    await place.until_drained(1)
    place.presence.lose.set()
    await until(lambda: place.cancelled == 1, "the drain is stopped")
    place.presence.join.set()
    place.engine.wake("acme", "ses_1")
    await until(lambda: ("ses_1", 2) in place.drained, "it is drained under the new number")


async def test_the_sweep_takes_up_what_nobody_drains(make: MakePlace) -> None:
    place = make(sweep_s=0.02)
    place.leases.unanswered = {"ses_1"}
    await place.until_drained(1)
    await asyncio.sleep(0.1)
    assert len(place.drained) == 1  # it is being drained: once is enough


@pytest.mark.parametrize("failure", [errors.StoreUnavailable(), RuntimeError("a bug")])
async def test_a_drain_that_fails_is_left_to_the_sweep(make: MakePlace, failure: Exception) -> None:
    place = make(sweep_s=0.02)
    place.failure = failure
    place.leases.unanswered = {"ses_1"}
    await until(lambda: len(place.drained) >= 3, "it is tried again and again")
    assert not place.running.done()


async def test_a_store_that_is_away_ends_neither_the_sweep_nor_the_engine(make: MakePlace) -> None:
    place = make(sweep_s=0.02)
    place.leases.away = True
    place.leases.unanswered = {"ses_1"}
    place.engine.wake("acme", "ses_2")
    await asyncio.sleep(0.1)
    place.leases.away = False
    await until(lambda: ("ses_1", 1) in place.drained, "the sweep goes on")


async def test_no_more_drains_run_than_are_allowed(make: MakePlace) -> None:
    place = make(max_drains=2)
    for number in range(5):
        place.engine.wake("acme", f"ses_{number}")
    await place.until_drained(2)
    await asyncio.sleep(0.05)
    assert len(place.drained) == 2
    place.go.set()
    await place.until_drained(5)


async def test_retiring_lets_drains_finish_and_takes_over_nothing(make: MakePlace) -> None:
    place = make(sweep_s=0.02)
    place.engine.wake("acme", "ses_1")
    await place.until_drained(1)
    retiring = asyncio.ensure_future(place.engine.retire())
    place.leases.unanswered = {"ses_2"}
    await asyncio.sleep(0.1)
    assert not retiring.done()
    assert len(place.drained) == 1
    place.go.set()
    await asyncio.wait_for(retiring, 5)


async def test_an_engine_that_ends_gives_its_leases_back_before_it_leaves(make: MakePlace) -> None:
    place = make()
    place.engine.wake("acme", "ses_1")
    await place.until_drained(1)
    place.leases.release_allowed.clear()
    place.running.cancel()
    await asyncio.wait_for(place.leases.releasing.wait(), 5)
    assert not place.presence.left
    place.leases.release_allowed.set()
    await tasks.cancel([place.running])
    assert (place.leases.held, place.presence.left, place.cancelled) == ({}, True, 1)


async def test_a_tenant_that_floods_neither_takes_all_places_nor_holds_up_others(make: MakePlace) -> None:
    place = make(max_drains=4, tenant_drains=lambda _: 3)
    await place.until_joined()
    for number in range(20):
        place.engine.wake("flood", f"flood_{number}")
    place.engine.wake("quiet", "quiet_1")
    await place.until_drained(4)
    drained = {session_id for session_id, _ in place.drained}
    assert drained == {"flood_0", "flood_1", "flood_2", "quiet_1"}


async def test_what_waits_in_memory_is_bounded_and_the_rest_is_left_to_the_sweep(make: MakePlace) -> None:
    place = make(max_drains=1, max_waiting=5, sweep_s=0.02)
    await place.until_joined()
    for number in range(50):
        place.engine.wake("flood", f"flood_{number}")
    assert len(place.engine._tasks) == 5
    place.engine.wake("quiet", "quiet_1")
    assert len(place.engine._tasks) == 6
    place.leases.unanswered = {"flood_40"}
    place.go.set()
    await until(lambda: ("flood_40", 1) in place.drained, "the sweep takes it up")
    place.leases.unanswered.clear()


async def test_who_waits_for_a_place_holds_no_lease(make: MakePlace) -> None:
    place = make(max_drains=1)
    place.engine.wake("acme", "ses_1")
    place.engine.wake("acme", "ses_2")
    await place.until_drained(1)
    assert place.leases.held == {"ses_1": 1}
