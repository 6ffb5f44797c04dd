"""What is held against customers: decided by people, kept in PostgreSQL, counted at admission."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import grpc
import grpc.aio
import pytest
import redis.asyncio

from focal.turn.v1 import abuse_pb2
from focal.turn.v1 import abuse_service_pb2 as pb
from focal.turn.v1 import turn_gateway_service_pb2 as turns_pb
from focal_service_kit import errors as status
from tests.fakes import in_process
from tests.fakes.abuse import desk, holding
from tests.fakes.gateway_calls import refused, send, session_of, stub, submit
from tests.fakes.gateway_peers import Peers, gateways
from tests.fakes.gateway_wire import wire
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")

RATES = {"enabled": True, "customer_per_minute": 100, "restricted_per_minute": 2, "timeout_s": 1.0}
BLOCKED = (grpc.StatusCode.PERMISSION_DENIED, "BLOCKED")
QUICK = {"poll_s": 0.05}


async def customer(gateway: in_process.Running, user: str = "u1") -> str:
    """The id of a customer that wrote once."""
    answered = await stub(gateway).SendMessage(send("hello", user=user), timeout=10)
    return str((await session_of(gateway, answered.session_id)).customer_id)


async def block(gateway: in_process.Running, customer_id: str, **asked: Any) -> Any:
    request = pb.BlockCustomerRequest(customer_id=customer_id, **asked)
    return (await desk(gateway).BlockCustomer(request, timeout=10)).entry


def is_refused(gateway: in_process.Running, user: str = "u1") -> Callable[[], Awaitable[bool]]:
    """Whether a message of a customer is refused as that of a blocked one."""

    async def ask() -> bool:
        try:
            await stub(gateway).SubmitMessage(submit("again", user=user), timeout=10)
        except grpc.aio.AioRpcError as answer:
            return (answer.code(), status.from_rpc(answer).reason) == BLOCKED
        return False

    return ask


async def test_who_is_blocked_is_refused_everywhere_at_once_until_let_in_again(
    database: str, redis_url: str
) -> None:
    async with gateways(Peers(), database, redis_url, count=2, rates=RATES, abuse=QUICK) as [one, other]:
        customer_id = await customer(one)
        entry = await block(one, customer_id, reason="threats", request_id="b1")
        assert (entry.level, entry.cause) == (abuse_pb2.ABUSE_LEVEL_HIGH, abuse_pb2.ABUSE_CAUSE_OPERATOR)
        assert entry.until.seconds - entry.since.seconds == 24 * 3600
        assert await is_refused(other)()
        assert not await is_refused(other, "u2")()

        assert (await block(other, customer_id, reason="threats", request_id="b1")) == entry
        code, error = await refused(
            desk(one).BlockCustomer(pb.BlockCustomerRequest(customer_id=customer_id, request_id="b1"))
        )
        assert (code, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")

        lift = pb.LiftAbuseRequest(customer_id=customer_id, reason="a joke", request_id="l1")
        [lifted] = (await desk(other).LiftAbuse(lift)).entries
        assert (lifted.abuse_id, lifted.lift_reason) == (entry.abuse_id, "a joke")
        assert lifted.HasField("lifted_at")
        assert not await is_refused(one)()
        assert list((await desk(one).LiftAbuse(lift)).entries) == [lifted]
        again = pb.LiftAbuseRequest(customer_id=customer_id)
        assert not (await desk(one).LiftAbuse(again)).entries
        assert await holding(one) == []


async def test_the_customers_latest_session_tells_what_is_decided(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url, rates=RATES, abuse=QUICK) as [gateway]:
        answered = await stub(gateway).SendMessage(send("hello", user="u1"), timeout=10)
        customer_id = (await session_of(gateway, answered.session_id)).customer_id
        await block(gateway, customer_id, level=abuse_pb2.ABUSE_LEVEL_MEDIUM)
        await block(gateway, customer_id, level=abuse_pb2.ABUSE_LEVEL_CRITICAL, reason="threats")
        await desk(gateway).LiftAbuse(pb.LiftAbuseRequest(customer_id=customer_id))
        told = await _events(gateway, answered.session_id)
    assert [event.name for event in told] == [
        "infra.abuse.suspected",
        "infra.abuse.blocked",
        "infra.error.escalated",
        "infra.abuse.lifted",
        "infra.abuse.lifted",
    ]
    assert told[0].abuse_suspected.abuse.customer_id == customer_id
    assert not told[1].abuse_blocked.abuse.HasField("until")
    assert '"target":"silent_log"' in told[2].agent.payload_json


async def _events(gateway: in_process.Running, session_id: str) -> list[Any]:
    request = turns_pb.WatchSessionRequest(
        session_id=session_id, patterns=["infra.abuse.*", "infra.error.*"], events_only=True
    )
    call = stub(gateway).WatchSession(request, timeout=10)
    told = []
    async for frame in call:
        if frame.WhichOneof("frame") == "event":
            told.append(frame.event)
        if len(told) == 5:
            break
    call.cancel()
    return told


async def test_a_flushed_cache_lifts_a_block_no_longer_than_a_look_takes(
    database: str, redis_url: str
) -> None:
    async with (
        gateways(Peers(), database, redis_url, rates=RATES, abuse=QUICK) as [gateway],
        redis.asyncio.Redis.from_url(redis_url) as valkey,
    ):
        await block(gateway, await customer(gateway))
        await valkey.flushdb()
        await until(is_refused(gateway), "the block is back")


async def test_a_block_decided_while_valkey_is_away_counts_when_it_is_back(
    database: str, redis_url: str
) -> None:
    async with (
        wire(redis_url) as cache,
        gateways(Peers(), database, cache.url, rates=RATES | {"pause_s": 0.05}, abuse=QUICK) as [gateway],
    ):
        customer_id = await customer(gateway)
        await cache.cut()
        await block(gateway, customer_id)
        assert not await is_refused(gateway)()
        await cache.mend()
        await until(is_refused(gateway), "the block counts")


async def test_a_restricted_customer_has_fewer_messages_a_minute_and_only_until_it_ends(
    database: str, redis_url: str
) -> None:
    soon = QUICK | {"medium_h": 1 / 3600, "refresh_s": 0.1}
    async with gateways(Peers(), database, redis_url, rates=RATES, abuse=soon) as [gateway]:
        customer_id = await customer(gateway)
        await block(gateway, customer_id, level=abuse_pb2.ABUSE_LEVEL_MEDIUM)
        await stub(gateway).SubmitMessage(submit("second", user="u1"), timeout=10)
        code, error = await refused(stub(gateway).SubmitMessage(submit("third", user="u1"), timeout=10))
        assert (code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMIT_EXCEEDED")

        async def in_again() -> bool:
            try:
                await stub(gateway).SubmitMessage(submit("fourth", user="u1"), timeout=10)
            except grpc.aio.AioRpcError:
                return False
            return True

        await until(in_again, "the restriction is over")
        assert await holding(gateway) == []


async def test_a_block_holds_at_every_address_of_the_customer(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url, rates=RATES, abuse=QUICK) as [gateway]:
        customer_id, _ = await customer(gateway), await customer(gateway, "u2")
        connection = await asyncpg.connect(database)
        try:
            await connection.execute(
                "UPDATE turns.channel_identities SET customer_id = $1 WHERE channel_user_id = 'u2'",
                customer_id,
            )
        finally:
            await connection.close()
        await block(gateway, customer_id)
        assert await is_refused(gateway, "u1")()
        assert await is_refused(gateway, "u2")()


async def test_entries_are_listed_in_pages_by_what_is_asked_for_and_only_to_admins_of_their_tenant(
    database: str, redis_url: str
) -> None:
    async with gateways(Peers(), database, redis_url, rates=RATES, abuse=QUICK) as [gateway]:
        customers = [await customer(gateway, f"u{number}") for number in range(3)]
        for customer_id in customers:
            await block(gateway, customer_id, level=abuse_pb2.ABUSE_LEVEL_MEDIUM)
        await block(gateway, customers[0], hours=48)
        await desk(gateway).LiftAbuse(pb.LiftAbuseRequest(customer_id=customers[1]))

        first = await desk(gateway).ListAbuse(pb.ListAbuseRequest(page_size=3))
        rest = await desk(gateway).ListAbuse(pb.ListAbuseRequest(page_token=first.next_page_token))
        entries = [*first.entries, *rest.entries]
        assert [entry.customer_id for entry in entries] == [customers[n] for n in (0, 2, 1, 0)]
        assert {entry.customer_id for entry in await holding(gateway)} == {customers[0], customers[2]}
        high = pb.ListAbuseRequest(level=abuse_pb2.ABUSE_LEVEL_HIGH)
        assert [entry.level for entry in (await desk(gateway).ListAbuse(high)).entries] == [3]
        bots = pb.ListAbuseRequest(cause=abuse_pb2.ABUSE_CAUSE_BOT)
        assert not (await desk(gateway).ListAbuse(bots)).entries

        token = gateway.deployment.tenant_token("umbrella", roles=["admin"])
        foreign = desk(gateway, token)
        assert not (await foreign.ListAbuse(pb.ListAbuseRequest())).entries
        for call in (
            foreign.BlockCustomer(pb.BlockCustomerRequest(customer_id=customers[0])),
            foreign.LiftAbuse(pb.LiftAbuseRequest(customer_id=customers[0])),
        ):
            code, error = await refused(call)
            assert (code, error.reason) == (grpc.StatusCode.NOT_FOUND, "CUSTOMER_NOT_FOUND")
        plain = desk(gateway, gateway.deployment.tenant_token())
        for call in (
            plain.ListAbuse(pb.ListAbuseRequest()),
            plain.BlockCustomer(pb.BlockCustomerRequest(customer_id=customers[0])),
            plain.LiftAbuse(pb.LiftAbuseRequest(customer_id=customers[0])),
        ):
            assert (await refused(call))[1].reason == "INSUFFICIENT_PERMISSIONS"
        bad = pb.BlockCustomerRequest(customer_id=customers[0], hours=-1)
        assert (await refused(desk(gateway).BlockCustomer(bad)))[1].reason == "INVALID_FIELD"
