"""One conformance suite for the ledger in PostgreSQL and its in-memory twin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import pytest

from focal_kernel import errors as kernel_errors
from focal_kernel import ids
from focal_toolbox.adapters.instance import Heartbeat, Rhythm
from focal_toolbox.adapters.postgres_ledger import PostgresLedger
from focal_toolbox.domain.answer import Answer
from focal_toolbox.domain.effect import Outcome, Query, State
from focal_toolbox.domain.policy import Policy
from focal_toolbox.ports.ledger import EffectLedger
from tests.fakes.toolbox.ledger import LedgerRows, MemoryLedger
from tests.fakes.toolbox.provider import DONE, LOST, REFUSED
from tests.fakes.toolbox.wishes import to_refund

pytestmark = pytest.mark.migrated("focal_toolbox")

LEASE_S = 1.0


@dataclass
class Pair:
    """Two processes on one ledger; `lose` ends the first one's signs of life."""

    one: EffectLedger
    two: EffectLedger
    lose: Callable[[], Awaitable[None]]


@pytest.fixture(params=["memory", "postgres"])
async def pair(request: pytest.FixtureRequest, database: str) -> AsyncIterator[Pair]:
    if request.param == "memory":
        rows = LedgerRows()

        async def forget() -> None:
            rows.alive.discard("tbx_1")

        yield Pair(MemoryLedger(rows, "tbx_1"), MemoryLedger(rows, "tbx_2"), forget)
        return
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(asyncpg.create_pool(database, min_size=2, max_size=8))
        beats = [Heartbeat(database, Rhythm(0.1, 1.0), {}) for _ in range(2)]
        for beat in beats:
            await beat.start(10)
            stack.push_async_callback(beat.stop)
        ledgers = [PostgresLedger(pool, beat.instance_id, LEASE_S) for beat in beats]

        async def stop() -> None:
            await beats[0].stop()
            async with asyncio.timeout(5):  # the server needs a moment to free the lock
                alive = True
                while alive:
                    alive = await pool.fetchval(
                        "SELECT effects.is_alive($1, interval '9 s')", beats[0].instance_id
                    )

        yield Pair(ledgers[0], ledgers[1], stop)


async def test_a_new_wish_is_reserved(pair: Pair) -> None:
    wish = to_refund()
    reservation = await pair.one.reserve(wish)
    effect = reservation.effect
    assert (reservation.outcome, reservation.fence) == (Outcome.RESERVED, 1)
    assert effect is not None
    assert (effect.effect_id, effect.state, effect.attempts) == (wish.effect_id, State.PREPARED, 1)
    assert await pair.two.find("acme", wish.effect_id) == effect
    assert await pair.two.find("globex", wish.effect_id) is None


async def test_an_equal_wish_meets_the_running_effect(pair: Pair) -> None:
    first = await pair.one.reserve(to_refund())
    second = await pair.two.reserve(to_refund())
    assert second.outcome is Outcome.RUNNING
    assert second.effect == first.effect


@pytest.mark.parametrize(
    ("state", "answer", "outcome"),
    [
        (State.DONE, DONE, Outcome.EXISTS),
        (State.IN_DOUBT, LOST, Outcome.EXISTS),
        (State.FAILED, REFUSED, Outcome.RESERVED),
    ],
)
async def test_an_ended_effect_decides_about_equal_wishes(
    pair: Pair, state: State, answer: Answer, outcome: Outcome
) -> None:
    reserved = (await pair.one.reserve(to_refund())).effect
    assert reserved is not None
    ended = await pair.one.conclude(reserved, state, answer, 0)
    assert (ended.state, ended.result_json, ended.error_reason) == (state, answer.result_json, answer.reason)
    again = await pair.two.reserve(to_refund())
    assert again.outcome is outcome
    assert again.effect is not None
    assert again.effect.effect_id == reserved.effect_id
    assert again.effect.attempts == (2 if outcome is Outcome.RESERVED else 1)


async def test_doubt_about_an_idempotent_effect_lets_it_be_reserved_again(pair: Pair) -> None:
    wish = to_refund(policy=Policy.IDEMPOTENT)
    reserved = (await pair.one.reserve(wish)).effect
    assert reserved is not None
    await pair.one.conclude(reserved, State.IN_DOUBT, LOST, 2)
    elsewhere = await pair.two.reserve(to_refund(policy=Policy.IDEMPOTENT, effect_key="key_2"))
    again = await pair.two.reserve(replace(to_refund(policy=Policy.IDEMPOTENT)))
    assert elsewhere.outcome is Outcome.RESERVED
    assert again.outcome is Outcome.BLOCKED_RUNNING
    assert elsewhere.effect is not None
    await pair.two.conclude(elsewhere.effect, State.DONE, DONE, 0)
    again = await pair.two.reserve(replace(to_refund(policy=Policy.IDEMPOTENT)))
    assert again.outcome is Outcome.RESERVED
    assert again.effect is not None
    assert again.effect.attempts == 4


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (None, Outcome.BLOCKED_RUNNING),
        (State.IN_DOUBT, Outcome.BLOCKED_IN_DOUBT),
        (State.DONE, Outcome.RESERVED),
        (State.FAILED, Outcome.RESERVED),
    ],
)
async def test_an_open_effect_blocks_its_business_key(
    pair: Pair, state: State | None, outcome: Outcome
) -> None:
    reserved = (await pair.one.reserve(to_refund())).effect
    assert reserved is not None
    if state is not None:
        await pair.one.conclude(reserved, state, LOST, 0)
    other = to_refund(effect_key="key_2", session_id="ses_2", turn_group_id="grp_2")
    reservation = await pair.two.reserve(other)
    assert reservation.outcome is outcome
    assert reservation.effect is not None
    expected = other.effect_id if outcome is Outcome.RESERVED else reserved.effect_id
    assert reservation.effect.effect_id == expected


@pytest.mark.parametrize(
    "change", [{"tenant_id": "globex"}, {"tool_name": "label"}, {"business_key": "order_2"}]
)
async def test_other_operations_are_not_blocked(pair: Pair, change: dict[str, Any]) -> None:
    await pair.one.reserve(to_refund())
    reservation = await pair.two.reserve(to_refund(effect_key="key_2", **change))
    assert reservation.outcome is Outcome.RESERVED


async def test_the_effects_of_a_turn_are_counted_by_tenant_session_and_turn(pair: Pair) -> None:
    """Break: leave any one of them out of the count in `reserve`."""
    elsewhere: list[dict[str, Any]] = [
        {},
        {"tenant_id": "globex"},
        {"session_id": "ses_2"},
        {"turn_id": "trn_2"},
    ]
    for number, change in enumerate(elsewhere):
        reserved = await pair.one.reserve(to_refund(number, max_calls=1, **change))
        assert reserved.outcome is Outcome.RESERVED
    beyond = await pair.two.reserve(to_refund(9, max_calls=1))
    assert beyond.outcome is Outcome.TOO_MANY_CALLS


async def test_sixty_four_sessions_get_one_reservation_of_an_order(pair: Pair) -> None:
    wishes = [to_refund(effect_key=f"key_{n}", session_id=f"ses_{n}") for n in range(64)]
    ledgers = [pair.one, pair.two] * 32
    outcomes = await asyncio.gather(
        *(ledger.reserve(wish) for ledger, wish in zip(ledgers, wishes, strict=True))
    )
    assert sorted(one.outcome for one in outcomes) == 63 * [Outcome.BLOCKED_RUNNING] + [Outcome.RESERVED]


async def test_failed_effects_of_one_order_are_reserved_again_by_one_only(pair: Pair) -> None:
    wishes = [to_refund(effect_key=f"key_{n}", session_id=f"ses_{n}") for n in range(16)]
    for wish in wishes:
        effect = (await pair.one.reserve(wish)).effect
        assert effect is not None
        await pair.one.conclude(effect, State.FAILED, REFUSED, 0)
    again = [replace(wish, reservation_id=ids.new_id("rsv")) for wish in wishes]
    outcomes = await asyncio.gather(*(pair.two.reserve(wish) for wish in again))
    assert sorted(one.outcome for one in outcomes) == 15 * [Outcome.BLOCKED_RUNNING] + [Outcome.RESERVED]


async def test_a_lower_epoch_reserves_nothing(pair: Pair) -> None:
    assert await pair.one.fence("acme", "ses_1", 5) == 5
    assert await pair.one.fence("acme", "ses_1", 3) == 5
    reservation = await pair.two.reserve(to_refund(epoch=4))
    assert (reservation.outcome, reservation.fence) == (Outcome.FENCED, 5)
    assert await pair.two.page(Query("acme")) == []
    assert (await pair.two.reserve(to_refund(epoch=5))).outcome is Outcome.RESERVED
    assert (
        await pair.two.reserve(to_refund(epoch=4, session_id="ses_2", effect_key="k", business_key="b"))
    ).fence == 4


async def test_only_the_latest_reservation_can_end_an_effect(pair: Pair) -> None:
    """Break: leave `reservation_id` out of the ledger's `_CONCLUDE`."""
    first = (await pair.one.reserve(to_refund())).effect
    assert first is not None
    await pair.one.conclude(first, State.FAILED, REFUSED, 0)
    second = (await pair.two.reserve(to_refund())).effect
    assert second is not None
    late = await pair.one.conclude(first, State.DONE, DONE, 0)
    assert (late.state, late.reservation_id) == (State.PREPARED, second.reservation_id)


async def test_an_ended_effect_does_not_end_again(pair: Pair) -> None:
    effect = (await pair.one.reserve(to_refund())).effect
    assert effect is not None
    await pair.one.conclude(effect, State.DONE, DONE, 0)
    assert (await pair.one.conclude(effect, State.IN_DOUBT, LOST, 0)).state is State.DONE


@pytest.mark.parametrize("knowledge", [(State.DONE, DONE), (State.FAILED, REFUSED)])
async def test_the_holder_of_a_doubtful_reservation_may_still_tell_the_truth(
    pair: Pair, knowledge: tuple[State, Answer]
) -> None:
    """It was frozen and is thawed: that is knowledge, not an effect. Break: accept only PREPARED in
    `_CONCLUDE`."""
    effect = (await pair.one.reserve(to_refund())).effect
    assert effect is not None
    await pair.lose()
    assert await pair.two.doubt_orphans() == 1
    assert (await pair.one.conclude(effect, *knowledge, 0)).state is knowledge[0]


async def test_a_lost_process_reserves_nothing(pair: Pair) -> None:
    """Break: leave the check of the asking instance out of `reserve`."""
    await pair.lose()
    assert (await pair.one.reserve(to_refund())).outcome is Outcome.OWNER_LOST
    assert (await pair.two.reserve(to_refund())).outcome is Outcome.RESERVED


async def test_an_equal_wish_finds_a_lost_processs_effect_in_doubt(pair: Pair) -> None:
    await pair.one.reserve(to_refund())
    await pair.lose()
    reservation = await pair.two.reserve(to_refund())
    assert reservation.outcome is Outcome.EXISTS
    assert reservation.effect is not None
    assert (reservation.effect.state, reservation.effect.error_reason) == (State.IN_DOUBT, "toolbox_lost")


async def test_another_wish_finds_a_lost_processs_effect_in_its_way(pair: Pair) -> None:
    await pair.one.reserve(to_refund())
    await pair.lose()
    reservation = await pair.two.reserve(to_refund(effect_key="key_2"))
    assert reservation.outcome is Outcome.BLOCKED_IN_DOUBT


async def test_a_fence_doubts_only_lost_processes_of_its_session(pair: Pair) -> None:
    await pair.one.reserve(to_refund())
    await pair.one.reserve(to_refund(effect_key="key_2", business_key="order_2", session_id="ses_2"))
    await pair.two.reserve(to_refund(effect_key="key_3", business_key="order_3"))
    await pair.lose()
    await pair.two.fence("acme", "ses_1", 2)
    states = {effect.effect_key: effect.state for effect in await pair.two.page(Query("acme"))}
    assert states == {"key_1": State.IN_DOUBT, "key_2": State.PREPARED, "key_3": State.PREPARED}
    assert await pair.two.doubt_orphans() == 1


async def test_a_release_undoes_only_its_own_reservation(pair: Pair) -> None:
    wish = to_refund()
    await pair.one.release(wish)
    await pair.one.reserve(wish)
    await pair.one.release(replace(wish, reservation_id=ids.new_id("rsv")))
    assert (await pair.one.page(Query("acme")))[0].state is State.PREPARED
    await pair.one.release(wish)
    (effect,) = await pair.one.page(Query("acme"))
    assert (effect.state, effect.error_reason) == (State.FAILED, "not_sent")


async def test_effects_are_paged_newest_first_and_grouped_oldest_first(pair: Pair) -> None:
    for number in range(4):
        group = "grp_1" if number < 3 else "grp_2"
        await pair.one.reserve(
            to_refund(effect_key=f"key_{number}", business_key=str(number), turn_group_id=group)
        )
    newest = await pair.two.page(Query("acme", limit=3))
    assert [effect.effect_key for effect in newest] == ["key_3", "key_2", "key_1"]
    (oldest,) = await pair.two.page(Query("acme", before=newest[-1].position))
    assert oldest.effect_key == "key_0"
    assert await pair.two.page(Query("acme", session_id="ses_2")) == []
    assert await pair.two.page(Query("acme", state=State.DONE)) == []
    grouped = await pair.two.of_group("acme", "ses_1", "grp_1")
    assert [effect.effect_key for effect in grouped] == ["key_0", "key_1", "key_2"]


async def test_an_unreachable_ledger_is_away(database: str) -> None:
    pool = await asyncpg.create_pool(database, min_size=1, max_size=1)
    ledger = PostgresLedger(pool, "tbx_1", LEASE_S)
    await pool.close()
    with pytest.raises(kernel_errors.Unavailable) as caught:
        await ledger.reserve(to_refund())
    assert caught.value.reason == "DEPENDENCY_UNAVAILABLE"


async def test_a_heartbeat_reconnects_and_takes_its_lock_back(database: str) -> None:
    """Break: let the exception leave `Heartbeat._keep_alive`."""
    beat = Heartbeat(database, Rhythm(0.05, 1.0), {})
    connection = await asyncpg.connect(database)
    alive = "SELECT effects.is_alive($1, interval '1 s')"
    try:
        await beat.start(10)
        assert await connection.fetchval(alive, beat.instance_id)
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        )
        async with asyncio.timeout(10):
            while await connection.fetchval(alive, beat.instance_id):
                await asyncio.sleep(0.005)
            while not await connection.fetchval(alive, beat.instance_id):
                await asyncio.sleep(0.005)
    finally:
        await beat.stop()
        await connection.close()
