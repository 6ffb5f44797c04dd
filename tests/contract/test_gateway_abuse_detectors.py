"""Detectors of abuse on running gateways: what customers do is found, held against them, and told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import grpc.aio
import pytest

from focal.turn.v1 import abuse_pb2
from focal_kernel import ids
from focal_turn_gateway.adapters.postgres.abuse_facts import PostgresAbuseFacts
from focal_turn_gateway.adapters.postgres.abuse_records import PostgresAbuseRecords
from focal_turn_gateway.domain.abuse import Cause, Finding, Level
from focal_turn_gateway.domain.abuse_detectors import Counted, Customer, Texts
from focal_turn_gateway.ports.abuse import AddressHits
from tests.fakes.abuse import ONCE, holding
from tests.fakes.gateway_calls import refused, send, session_of, stub, submit
from tests.fakes.gateway_peers import Peers, Run, gateways
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")

RATES = {"enabled": True, "customer_per_minute": 30, "restricted_per_minute": 30, "timeout_s": 1.0}
LOOKING = {
    "every_s": 0.3,
    "poll_s": 0.05,
    "rate_hits": {"more_than": 3},
    "bot": {"mean_s": 30, "variance_s2": 400},  # the machine that plays the bot may be slow
}


async def refusing(run: Run) -> None:
    """An agent that refuses for safety."""
    if "weapons" in run.texts:
        await run.report(category="policy", kind="safety_refusal")
    await run.answer("no")


async def test_what_customers_do_is_found_by_one_of_the_gateways_and_once(
    database: str, redis_url: str
) -> None:
    async with gateways(Peers(refusing), database, redis_url, count=2, rates=RATES, abuse=LOOKING) as [
        one,
        other,
    ]:
        for _ in range(6):
            await stub(one).SendMessage(send("weapons", user="asks"), timeout=10)
            await stub(other).SendMessage(send(" Buy NOW" if _ % 2 else "buy now", user="spams"), timeout=10)
            await stub(other).SendMessage(send(f"question {_}", user="talks"), timeout=10)
        for number in range(12):
            await stub(one).SendMessage(send(f"probe {number}", user="probes"), timeout=10)
        for number in range(36):
            with suppress(grpc.aio.AioRpcError):
                await stub(one).SubmitMessage(submit(f"flood {number}", user="floods"), timeout=10)

        async def all_found() -> bool:
            return {(entry.cause, entry.level) for entry in await holding(one)} >= {
                (abuse_pb2.ABUSE_CAUSE_SAFETY_REFUSALS, abuse_pb2.ABUSE_LEVEL_MEDIUM),
                (abuse_pb2.ABUSE_CAUSE_SPAM, abuse_pb2.ABUSE_LEVEL_LOW),
                (abuse_pb2.ABUSE_CAUSE_BOT, abuse_pb2.ABUSE_LEVEL_MEDIUM),
                (abuse_pb2.ABUSE_CAUSE_RATE_HITS, abuse_pb2.ABUSE_LEVEL_HIGH),
            }

        await until(all_found, "all are found", 10)
        entries = await holding(one)
        assert len({(entry.customer_id, entry.cause) for entry in entries}) == len(entries)

        async def is_blocked() -> bool:
            _, error = await refused(stub(other).SubmitMessage(submit("more", user="floods"), timeout=10))
            return error.reason == "BLOCKED"

        await until(is_blocked, "what is found counts")
        talking = await stub(one).SendMessage(send("and this?", user="talks"), timeout=10)
        talks = (await session_of(one, talking.session_id)).customer_id
        assert await holding(one, talks) == []


class Past:
    """What customers did a while ago, written as it would have been stored; each has one session."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.facts = PostgresAbuseFacts(pool)
        self.records = PostgresAbuseRecords(pool, 600)
        self.now = datetime.now(UTC)
        self._number = 0

    async def customer(self, name: str, *addresses: str) -> Customer:
        for address in addresses or (name,):
            await self.pool.execute(
                "INSERT INTO turns.channel_identities VALUES ('acme', 'web', $1, $1, $2)", address, name
            )
        await self.pool.execute(
            "INSERT INTO turns.sessions (session_id, tenant_id, agent_id, customer_id, channel)"
            " VALUES ($1, 'acme', 'desk', $1, 'web')",
            name,
        )
        return Customer("acme", name)

    async def wrote(self, customer: Customer, text: str, ago_s: float) -> None:
        await self.pool.execute(
            "INSERT INTO turns.messages (message_id, tenant_id, session_id, sequence, content_hash, text,"
            " metadata, provider_message_id, received_at) VALUES ($1, 'acme', $2, $3, '', $4, '{}', '', $5)",
            ids.new_id("msg"),
            customer.customer_id,
            self._next(),
            text,
            self._at(ago_s),
        )

    async def had_turn(self, customer: Customer, ago_s: float, cause: str = "MESSAGE") -> None:
        await self.pool.execute(
            "INSERT INTO turns.turns (turn_id, tenant_id, session_id, turn_group_id, status, attempt, epoch,"
            " cause, opened_at) VALUES ($1, 'acme', $2, $1, 'COMPLETE', 1, 1, $3, $4)",
            ids.new_id("trn"),
            customer.customer_id,
            cause,
            self._at(ago_s),
        )

    async def was_refused(self, customer: Customer, turn_id: str, ago_s: float, name: str) -> None:
        await self.pool.execute(
            'INSERT INTO turns.events (session_id, "offset", tenant_id, turn_id, attempt, kind, body,'
            " occurred_at, name) VALUES ($1, $2, 'acme', $3, 1, 'agent', $4, $5, $6)",
            customer.customer_id,
            1000 + self._next(),
            turn_id,
            json.dumps({}),
            self._at(ago_s),
            name,
        )

    async def let_in(self, customer: Customer, ago_s: float) -> None:
        """Something held against the customer and was lifted."""
        await self.records.note(
            "acme", Finding(customer.customer_id, Level.HIGH, Cause.OPERATOR, 24, noted_by="ops"), ONCE
        )
        await self.records.lift("acme", customer.customer_id, "ops", "", ONCE)
        await self.pool.execute(
            "UPDATE turns.abuse SET lifted_at = $1 WHERE customer_id = $2",
            self._at(ago_s),
            customer.customer_id,
        )

    def _at(self, ago_s: float) -> datetime:
        return self.now - timedelta(seconds=ago_s)

    def _next(self) -> int:
        self._number += 1
        return self._number


@pytest.fixture
async def past(database: str) -> AsyncIterator[Past]:
    async with asyncpg.create_pool(database, min_size=1, max_size=2) as pool:
        yield Past(pool)


async def test_texts_are_compared_without_case_within_the_window_and_behind_a_lift(past: Past) -> None:
    ada, bob, cia = [await past.customer(name) for name in ("ada", "bob", "cia")]
    for number in range(6):
        await past.wrote(ada, " Hi" if number % 2 else "hi ", 100 + number)
        await past.wrote(bob, "hi", 3000 + number)
        await past.wrote(cia, "hi", 500 + 100 * number)
    assert await past.facts.texts(1800, 5, 10) == [Texts(ada, 6, 1), Texts(cia, 6, 1)]
    assert await past.facts.texts(1800, 7, 10) == []
    assert len(await past.facts.texts(1800, 5, 1)) == 1
    await past.let_in(cia, 750)
    assert await past.facts.texts(1800, 3, 10) == [Texts(ada, 6, 1), Texts(cia, 3, 1)]
    assert await past.facts.texts(1800, 5, 10) == [Texts(ada, 6, 1)]


async def test_paces_are_those_of_turns_that_messages_opened(past: Past) -> None:
    ada, bob = await past.customer("ada"), await past.customer("bob")
    for number in range(11):
        await past.had_turn(ada, 100 - 2 * number)
        await past.had_turn(bob, 100 - 2 * number, "TIMER")
    [pace] = await past.facts.paces(1800, 10, 10)
    assert (pace.customer, pace.turns) == (ada, 11)
    assert pace.mean_s == pytest.approx(2)
    assert pace.variance_s2 == pytest.approx(0)
    assert await past.facts.paces(95, 10, 10) == []
    await past.let_in(ada, 85)
    assert await past.facts.paces(1800, 10, 10) == []
    assert [pace.turns for pace in await past.facts.paces(1800, 2, 10)] == [3]


async def test_refusals_are_counted_by_turn_and_name(past: Past) -> None:
    ada, bob = await past.customer("ada"), await past.customer("bob")
    for number in range(6):
        await past.was_refused(ada, f"trn_{number}", 100, "policy.safety_refusal")
        await past.was_refused(ada, f"trn_{number}", 90, "policy.safety_refusal")
        await past.was_refused(bob, f"trn_{number}", 100, "policy.refused")
    names = ["policy.safety_refusal"]
    assert await past.facts.safety_refusals(86_400, names, 5, 10) == [Counted(ada, 6)]
    assert await past.facts.safety_refusals(86_400, names, 6, 10) == []
    assert await past.facts.safety_refusals(60, names, 0, 10) == []
    await past.let_in(ada, 95)
    await past.was_refused(ada, "trn_9", 10, "policy.safety_refusal")
    assert await past.facts.safety_refusals(86_400, names, 0, 10) == [Counted(ada, 7)]
    await past.let_in(ada, 20)
    assert await past.facts.safety_refusals(86_400, names, 0, 10) == [Counted(ada, 1)]


async def test_rate_hits_are_those_of_all_addresses_since_the_customer_was_let_in(past: Past) -> None:
    ada = await past.customer("ada", "home", "work")
    earlier, later = past.now.timestamp() - 900, past.now.timestamp() - 300
    found = [
        AddressHits("acme", "home", {earlier: 6, later: 2}),
        AddressHits("acme", "work", {later: 5}),
        AddressHits("acme", "nobody", {later: 50}),
        AddressHits("other", "home", {later: 50}),
    ]
    assert await past.facts.rate_hits(found) == [Counted(ada, 13)]
    await past.let_in(ada, 600)
    assert await past.facts.rate_hits(found) == [Counted(ada, 7)]


async def test_a_look_is_to_be_had_once_a_period_over_all_gateways(past: Past) -> None:
    other = PostgresAbuseFacts(past.pool)
    assert [await past.facts.claim(60), await other.claim(60), await past.facts.claim(60)] == [
        True,
        False,
        False,
    ]
    assert await other.claim(0)


async def test_a_detector_notes_nothing_that_is_no_graver_than_what_holds(past: Past) -> None:
    ada = await past.customer("ada")

    async def note(level: Level, cause: Cause) -> Any:
        return await past.records.note("acme", Finding(ada.customer_id, level, cause, 24), ONCE)

    assert await note(Level.MEDIUM, Cause.BOT)
    assert await note(Level.MEDIUM, Cause.SAFETY_REFUSALS) is None
    assert await note(Level.LOW, Cause.SPAM) is None
    assert await note(Level.HIGH, Cause.RATE_HITS)
    await past.records.lift("acme", ada.customer_id, "ops", "", ONCE)
    assert await note(Level.LOW, Cause.SPAM)
