"""The crash tests can fail: each scene breaks its promise once the promise's guard is taken out.

The scenes of a stale attempt also run with all guards in place, for only here is there a gateway that
believes it is alive (a lease of a minute, and as long between its looks at the rows) while its neighbour
takes it for dead (after 1.5 s): nothing but the guard is left between them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
import redis.asyncio

from tests.chaos.harness import guards, verdict
from tests.chaos.harness import rig as rigs
from tests.chaos.harness.customers import Customer
from tests.chaos.harness.gates import Gate
from tests.chaos.harness.guards import Guard
from tests.chaos.harness.rig import Rig
from tests.chaos.harness.scenes import QUESTION, asked, attempted, before_the_yes, fenced, kept, paid
from tests.fakes.until import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

GATEWAY, OTHER = rigs.GATEWAYS
LEASE = "FOCAL_TURN_GATEWAY__ENGINE__LEASE_S"
POLL = "FOCAL_TURN_GATEWAY__TURNS__POLL_S"
YES = "Yes, please."
PATIENCE_S = 10.0

Scene = Callable[[Rig], Awaitable[list[Customer]]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def doomed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    leases = {GATEWAY: {LEASE: "60", POLL: "60"}, OTHER: {LEASE: "1.5"}}
    async with rigs.running(tmp_path_factory.mktemp("doomed"), env=leases) as rig:
        yield rig


async def a_thawed_gateway_commits_before_its_successor(rig: Rig) -> list[Customer]:
    ada = await before_the_yes(rig)
    await rig.shop.refunds_take(before_ms=4000)
    yes = await ada.say(YES)
    await asked(rig)
    async with AsyncExitStack() as thawing:
        async with rig.frozen(GATEWAY):
            await attempted(rig, yes, 2)
            await thawing.enter_async_context(rig.frozen(OTHER))
        lost = rig.mesh.home.logs / f"{GATEWAY}.log"
        turns = "SELECT count(*) AS closed FROM turns.turns WHERE session_id = $1 AND turn_index = 2"

        async def over() -> bool:
            closed = await rig.row(turns, yes.acknowledged[0].session_id)
            return bool(closed.get("closed")) or "attempt lost" in lost.read_text()

        await until(over, "the thawed attempt over", PATIENCE_S)
    return [ada]


async def a_gateway_thaws_after_its_successor_has_committed(rig: Rig) -> list[Customer]:
    ada = await before_the_yes(rig)
    await rig.shop.refunds_take(before_ms=2500)
    yes = await ada.say(YES)
    await asked(rig)
    async with rig.frozen(GATEWAY):
        ada.gateway = 1
        await ada.answer(yes)
    # What the thawed gateway does comes before what it is asked next.
    bob = rig.customer()
    await bob.ask(QUESTION)
    return [ada, bob]


async def a_reservation_of_a_dead_attempt_arrives_behind_the_fence(rig: Rig) -> list[Customer]:
    ada = await before_the_yes(rig)
    async with rig.closed(Gate.RESERVE) as gate:
        yes = await ada.say(YES)
        await gate.reached()
        rig.kill(GATEWAY)
        async with rig.frozen("pipeline"):
            await fenced(rig, yes)
            await gate.open()
            await gate.passed()
    await ada.answer(yes)
    return [ada]


async def a_gateway_dies_after_the_refund_and_before_the_commit(rig: Rig) -> list[Customer]:
    ada = await before_the_yes(rig)
    async with rig.closed(Gate.COMMIT) as gate:
        yes = await ada.say(YES)
        await gate.reached()
        rig.kill(GATEWAY)
        await gate.abort()
    await ada.answer(yes)
    return [ada]


async def a_gateway_dies_between_storing_and_acknowledging(rig: Rig) -> list[Customer]:
    ada = rig.customer()
    async with rig.closed(Gate.MESSAGE) as gate:
        saying = ada.begin(QUESTION)
        await gate.reached()
        rig.kill(GATEWAY)
    await saying
    return [ada]


async def a_gateway_dies_during_a_refund(rig: Rig) -> list[Customer]:
    ada = await before_the_yes(rig)
    await rig.shop.refunds_take(before_ms=500)
    await ada.say(YES)
    await asked(rig)
    rig.kill(GATEWAY)
    return [ada]


async def a_toolbox_dies_after_the_payment(rig: Rig) -> list[Customer]:
    ada = await before_the_yes(rig)
    await rig.shop.refunds_take(after_ms=1500)
    yes = await ada.say(YES)
    await paid(rig, ada.order)
    rig.kill("toolbox")
    await ada.answer(yes)
    return [ada]


async def another_customer_wants_the_refund_that_is_in_doubt(rig: Rig) -> list[Customer]:
    people = await a_toolbox_dies_after_the_payment(rig)
    await rig.shop.refunds_take()
    bob = rig.customer()
    bob.order = people[0].order
    await bob.ask(f"I'd like to return order {bob.order}, it arrived broken.")
    await bob.ask(YES)
    return [*people, bob]


BITES: list[tuple[Guard, Scene, int]] = [
    (guards.EPOCH, a_thawed_gateway_commits_before_its_successor, 2),
    (guards.CONSUMPTION, a_gateway_thaws_after_its_successor_has_committed, 1),
    (guards.FENCE, a_reservation_of_a_dead_attempt_arrives_behind_the_fence, 2),
    (guards.EFFECT_KEY, a_gateway_dies_after_the_refund_and_before_the_commit, 4),
    (guards.REQUEST_ID, a_gateway_dies_between_storing_and_acknowledging, 1),
    (guards.DOUBT, a_toolbox_dies_after_the_payment, 4),
    (guards.BUSINESS_KEY, another_customer_wants_the_refund_that_is_in_doubt, 4),
]


@pytest.mark.parametrize(("guard", "scene", "promise"), BITES, ids=[bite[0].name for bite in BITES])
async def test_without_its_guard_a_promise_is_broken_and_seen_to_be(
    doomed: Rig, guard: Guard, scene: Scene, promise: int
) -> None:
    await doomed.all_ready()
    async with guard.removed(doomed.mesh.postgres_url):
        people = await scene(doomed)
        await doomed.shop.refunds_take()
        await doomed.all_ready()
        await doomed.quiet(people)
        violations = verdict.violations(await doomed.evidence(people))
    assert promise in {violation.promise for violation in violations}, violations


async def test_without_notice_of_its_death_a_gateway_keeps_its_sessions(doomed: Rig) -> None:
    await doomed.all_ready()
    async with guards.LEASE.removed(doomed.mesh.postgres_url):
        people = await a_gateway_dies_during_a_refund(doomed)
        await doomed.shop.refunds_take()
        with pytest.raises(AssertionError, match="still work"):
            await doomed.quiet(people, PATIENCE_S)


async def test_without_the_key_in_valkey_a_reply_is_delivered_twice(doomed: Rig) -> None:
    await doomed.all_ready()
    ada = doomed.customer()
    async with doomed.closed(Gate.DELIVERED) as gate:
        await ada.say(QUESTION)
        await gate.reached()
        async with redis.asyncio.Redis.from_url(doomed.mesh.redis_url) as client:
            keys = [key async for key in client.scan_iter("outbound:once:*")]
            await client.delete(*keys)
        doomed.kill(GATEWAY)
        await gate.abort()
    await doomed.quiet([ada])
    violations = verdict.violations(await doomed.evidence([ada]))
    assert 5 in {violation.promise for violation in violations}


@pytest.mark.parametrize(
    "scene",
    [
        a_thawed_gateway_commits_before_its_successor,
        a_gateway_thaws_after_its_successor_has_committed,
        a_reservation_of_a_dead_attempt_arrives_behind_the_fence,
    ],
)
async def test_with_its_guard_no_stale_attempt_changes_anything(doomed: Rig, scene: Scene) -> None:
    await doomed.all_ready()
    people = await scene(doomed)
    await doomed.shop.refunds_take()
    await kept(doomed, *people)
