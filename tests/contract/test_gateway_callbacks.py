"""Replies posted to a receiver that knows no keys: what may have arrived is never posted again by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import grpc
import pytest
import redis.asyncio

from focal.turn.v1 import delivery_service_pb2 as pb
from focal.turn.v1 import delivery_service_pb2_grpc, event_pb2, receipt_service_pb2, receipt_service_pb2_grpc
from focal.turn.v1 import turn_gateway_service_pb2 as turn_pb
from focal_cli.local import ports
from tests.doubles import channel_adapter
from tests.doubles.channel_adapter import SECRET, ChannelAdapter
from tests.fakes import in_process
from tests.fakes.gateway_calls import refused, send, stub
from tests.fakes.gateway_peers import Peers, gateways
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")

FAILED, IN_DOUBT = event_pb2.DELIVERY_STATE_FAILED, event_pb2.DELIVERY_STATE_IN_DOUBT
DELIVERED, PENDING = event_pb2.DELIVERY_STATE_DELIVERED, event_pb2.DELIVERY_STATE_PENDING


@pytest.fixture
async def adapter() -> AsyncIterator[ChannelAdapter]:
    async with channel_adapter.serving() as made:
        yield made


def callbacks(url: str, key: str = "web", **changes: Any) -> dict[str, Any]:
    """The settings' section with one callback."""
    on_doubt = changes.pop("on_doubt", "hold")
    return {
        "to": {key: {"url": url, "secret": SECRET, "on_doubt": on_doubt}},
        "allow_local": True,
        "timeout_s": 0.5,
        "retries": 2,
        "retry_min_s": 0.02,
        "poll_s": 0.1,
        **changes,
    }


def deliveries(gateway: in_process.Running, token: str = "") -> Any:
    chosen = token or gateway.deployment.tenant_token(roles=["admin"])
    return delivery_service_pb2_grpc.DeliveryServiceStub(gateway.channel(chosen))


async def listed(gateway: in_process.Running, **fields: Any) -> list[pb.Delivery]:
    return list((await deliveries(gateway).ListDeliveries(pb.ListDeliveriesRequest(**fields))).deliveries)


async def unsettled(gateway: in_process.Running, count: int = 1) -> list[pb.Delivery]:
    """The deliveries that wait for a person, once so many do."""
    found: list[pb.Delivery] = []

    async def wait() -> bool:
        found[:] = await listed(gateway)
        return len(found) >= count

    await until(wait, f"{count} deliveries wait for a person", 15)
    assert len(found) == count
    return found


async def updates(
    gateway: in_process.Running, session_id: str, count: int
) -> list[event_pb2.DeliveryUpdated]:
    """The first of what the session's log says of deliveries."""
    call = stub(gateway).WatchSession(
        turn_pb.WatchSessionRequest(session_id=session_id, patterns=["infra.delivery.*"]), timeout=10
    )
    found = [(await call.read()).event.delivery_updated for _ in range(count)]
    call.cancel()
    return found


def decide(delivery: pb.Delivery, resolution: str, **fields: Any) -> pb.ResolveDeliveryRequest:
    chosen = event_pb2.DeliveryResolution.Value(f"DELIVERY_RESOLUTION_{resolution}")
    return pb.ResolveDeliveryRequest(
        delivery_id=delivery.delivery_id,
        **{"resolution": chosen, "reason": "asked the provider", **fields},
    )


async def test_a_reply_is_posted_signed_and_once_and_enters_no_stream(
    database: str, redis_url: str, adapter: ChannelAdapter
) -> None:
    chosen = callbacks(adapter.url)
    async with gateways(Peers(), database, redis_url, count=2, callbacks=chosen) as both:
        for number in range(4):
            await stub(both[number % 2]).SendMessage(send(str(number)), timeout=10)
        await until(lambda: len(adapter.posts) >= 4, "all parts are posted")
        await asyncio.sleep(0.3)
        assert adapter.texts == ["0", "1", "2", "3"]
        post, headers = adapter.posts[0], adapter.headers[0]
        assert (post["user_channel_id"], post["tenant_id"]) == ("+4930123", "acme")
        assert (headers["X-Focal-Delivery"], headers["X-Focal-Tenant"]) == (post["dedupe_key"], "acme")
        assert "callback" not in post
        receipts = receipt_service_pb2_grpc.ReceiptServiceStub(
            both[0].channel(both[0].deployment.tenant_token(roles=["adapter"]))
        )
        report = receipt_service_pb2.ReportDeliveryRequest(
            dedupe_key=post["dedupe_key"], state=event_pb2.RECEIPT_STATE_READ
        )
        assert (await receipts.ReportDelivery(report)).advanced
        rows = await listed(both[0], session_id=post["session_id"], destination="callback")
        assert [row.state for row in rows] == [DELIVERED] * 4
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        assert not await client.exists("events.outbound.acme.web")


async def test_what_may_have_arrived_is_in_doubt_and_not_posted_again(
    database: str, redis_url: str, adapter: ChannelAdapter
) -> None:
    reasons = {
        "cut": "the connection broke (RemoteProtocolError)",
        "hang": "no answer within 0.5 s",
        "500": "the receiver answered 500",
        "302": "the receiver answered 302",
        "408": "the receiver answered 408",
    }
    adapter.answers = {text: [int(text) if text.isdigit() else text] for text in reasons}
    async with gateways(Peers(), database, redis_url, callbacks=callbacks(adapter.url)) as [gateway]:
        for text in reasons:
            await stub(gateway).SendMessage(send(text, user=text), timeout=10)
        doubted = {row.recipient: row for row in await unsettled(gateway, len(reasons))}
        assert {text: row.reason for text, row in doubted.items()} == reasons
        assert {row.state for row in doubted.values()} == {IN_DOUBT}
        await stub(gateway).SendMessage(send("next", user="cut"), timeout=10)
        await until(lambda: "next" in adapter.texts, "the next part passes")
        await asyncio.sleep(0.3)
        assert sorted(adapter.texts) == sorted([*reasons, "next"])
        [update] = await updates(gateway, doubted["cut"].session_id, 1)
        assert (update.state, update.delivery_id) == (IN_DOUBT, doubted["cut"].delivery_id)
        assert (update.reason, update.destination) == (reasons["cut"], "callback")


async def test_a_receiver_that_is_away_gets_the_part_later_and_once(database: str, redis_url: str) -> None:
    [port] = ports.choose()
    chosen = callbacks(f"http://127.0.0.1:{port}/parts", retries=100)
    async with gateways(Peers(), database, redis_url, callbacks=chosen) as [gateway]:
        answer = await stub(gateway).SendMessage(send("hello"), timeout=10)

        async def tried() -> bool:
            [row] = await listed(gateway, session_id=answer.session_id, destination="callback")
            return bool(row.attempts > 1)

        await until(tried, "it is tried again")
        async with channel_adapter.serving(port) as adapter:
            await until(lambda: adapter.posts, "the part is posted")
            await asyncio.sleep(0.2)
            assert adapter.texts == ["hello"]
        assert await listed(gateway) == []


async def test_a_receiver_that_stays_away_makes_the_part_fail_after_the_last_attempt(
    database: str, redis_url: str
) -> None:
    [port] = ports.choose()
    chosen = callbacks(f"http://127.0.0.1:{port}/parts")
    async with gateways(Peers(), database, redis_url, callbacks=chosen) as [gateway]:
        await stub(gateway).SendMessage(send("hello"), timeout=10)
        [failed] = await unsettled(gateway)
        assert (failed.state, failed.attempts) == (FAILED, 3)
        assert "cannot be reached" in failed.reason
        async with channel_adapter.serving(port) as adapter:
            await deliveries(gateway).ResolveDelivery(decide(failed, "RESEND"))
            await until(lambda: adapter.posts, "somebody asked for more")
            assert adapter.texts == ["hello"]


async def test_a_refusal_is_final_and_a_receiver_that_is_busy_is_asked_again(
    database: str, redis_url: str, adapter: ChannelAdapter
) -> None:
    adapter.answers = {"busy": [429], "refused": [400]}
    async with gateways(Peers(), database, redis_url, callbacks=callbacks(adapter.url)) as [gateway]:
        await stub(gateway).SendMessage(send("busy"), timeout=10)
        await stub(gateway).SendMessage(send("refused"), timeout=10)
        [failed] = await unsettled(gateway)
        assert (failed.state, failed.reason) == (FAILED, "the receiver answered 400")
        assert adapter.texts == ["busy", "busy", "refused"]


async def test_a_receiver_that_tells_repeats_by_their_key_is_asked_again(
    database: str, redis_url: str, adapter: ChannelAdapter
) -> None:
    adapter.answers = {"hello": [500, "cut"]}
    chosen = callbacks(adapter.url, on_doubt="resend")
    async with gateways(Peers(), database, redis_url, callbacks=chosen) as [gateway]:
        await stub(gateway).SendMessage(send("hello"), timeout=10)
        await until(lambda: len(adapter.posts) == 3, "it is posted until it is taken")
        assert len({headers["X-Focal-Delivery"] for headers in adapter.headers}) == 1
        await asyncio.sleep(0.2)
        assert await listed(gateway) == []


async def test_a_person_settles_a_doubt_once(database: str, redis_url: str, adapter: ChannelAdapter) -> None:
    ends = {"DELIVERED": DELIVERED, "DROP": FAILED, "RESEND": DELIVERED}
    adapter.answers = {text: [500] for text in ends}
    async with gateways(Peers(), database, redis_url, callbacks=callbacks(adapter.url)) as [gateway]:
        for text in ends:
            await stub(gateway).SendMessage(send(text, user=text), timeout=10)
        doubted = {row.recipient: row for row in await unsettled(gateway, len(ends))}
        calls = deliveries(gateway)
        for resolution, row in doubted.items():
            for _ in range(2):
                await calls.ResolveDelivery(decide(row, resolution, request_id=resolution))
        await until(lambda: len(adapter.posts) == 4, "one is posted again")
        for resolution, row in doubted.items():
            await settled(gateway, row.session_id, ends[resolution])
            first, second = await updates(gateway, row.session_id, 2)
            assert (first.state, first.resolved_by) == (IN_DOUBT, "")
            assert event_pb2.DeliveryResolution.Name(second.resolution).endswith(resolution)
            assert (second.reason, bool(second.resolved_by)) == ("asked the provider", True)
        assert adapter.texts.count("RESEND") == 2
        other = decide(doubted["DROP"], "DROP", request_id="DROP", reason="another")
        code, _ = await refused(calls.ResolveDelivery(other))
        assert code is grpc.StatusCode.ALREADY_EXISTS


async def settled(gateway: in_process.Running, session_id: str, state: int) -> None:
    """Wait until the session's part is in that state."""

    async def is_so() -> bool:
        [row] = await listed(gateway, session_id=session_id, destination="callback")
        return bool(row.state == state)

    await until(is_so, "it is settled")


async def test_what_cannot_be_decided_is_refused_with_its_reason(
    database: str, redis_url: str, adapter: ChannelAdapter
) -> None:
    adapter.answers = {"refused": [400], "in doubt": [500]}
    async with gateways(Peers(), database, redis_url, callbacks=callbacks(adapter.url)) as [gateway]:
        for text in ("refused", "in doubt", "taken"):
            await stub(gateway).SendMessage(send(text), timeout=10)
        await until(lambda: len(adapter.posts) == 3, "all were posted")
        session_id = adapter.posts[0]["session_id"]

        async def all_noted() -> bool:
            rows = await listed(gateway, session_id=session_id, destination="callback")
            return [row.state for row in rows] == [DELIVERED, IN_DOUBT, FAILED]

        await until(all_noted, "all ends are noted, the latest first")
        taken, doubted, _ = await listed(gateway, session_id=session_id, destination="callback")
        assert [row.state for row in await listed(gateway, states=[IN_DOUBT])] == [IN_DOUBT]
        assert await listed(gateway, destination="memory") == []
        calls = deliveries(gateway)
        page = await calls.ListDeliveries(pb.ListDeliveriesRequest(page_size=1))
        rest = await calls.ListDeliveries(
            pb.ListDeliveriesRequest(page_size=1, page_token=page.next_page_token)
        )
        assert [row.state for row in (*page.deliveries, *rest.deliveries)] == [IN_DOUBT, FAILED]
        assert rest.next_page_token == ""

        async def why(call: Any) -> str:
            return str((await refused(call))[1].reason)

        listing = pb.ListDeliveriesRequest
        assert await why(calls.ResolveDelivery(decide(taken, "RESEND"))) == "DELIVERY_NOT_RESOLVABLE"
        assert await why(calls.ResolveDelivery(decide(doubted, "UNSPECIFIED"))) == "INVALID_FIELD"
        assert await why(calls.ResolveDelivery(decide(doubted, "DROP", reason=""))) == "INVALID_ID"
        for unknown in ("", "x", "9" * 40, "999999"):
            request = decide(pb.Delivery(delivery_id=unknown), "DROP")
            assert await why(calls.ResolveDelivery(request)) == "DELIVERY_NOT_FOUND"
        assert await why(calls.ListDeliveries(listing(states=[DELIVERED]))) == "INVALID_FIELD"
        assert await why(calls.ListDeliveries(listing(states=cast(Any, [99])))) == "INVALID_FIELD"
        assert await why(calls.ListDeliveries(listing(page_token=page.next_page_token, states=[FAILED])))
        foreign = deliveries(gateway, gateway.deployment.tenant_token("umbrella", roles=["admin"]))
        assert await why(foreign.ResolveDelivery(decide(doubted, "DROP"))) == "DELIVERY_NOT_FOUND"
        assert not (await foreign.ListDeliveries(listing())).deliveries
        plain = deliveries(gateway, gateway.deployment.tenant_token())
        assert await why(plain.ListDeliveries(listing())) == "INSUFFICIENT_PERMISSIONS"


async def test_a_tenants_own_callback_comes_before_that_of_all(
    database: str, redis_url: str, adapter: ChannelAdapter
) -> None:
    async with channel_adapter.serving() as own:
        chosen = callbacks(adapter.url)
        chosen["to"]["acme.webchat"] = {"url": own.url, "secret": SECRET}
        async with gateways(Peers(), database, redis_url, callbacks=chosen) as [gateway]:
            await stub(gateway).SendMessage(send("mine"), timeout=10)
            theirs = stub(gateway, gateway.deployment.tenant_token("umbrella"))
            await theirs.SendMessage(send("theirs"), timeout=10)
            await until(lambda: own.posts and adapter.posts, "both are posted")
            assert (own.texts, adapter.texts) == (["mine"], ["theirs"])


async def test_what_is_posted_is_recorded_first_and_a_gateway_that_stops_waits_for_it(
    database: str, redis_url: str, adapter: ChannelAdapter
) -> None:
    adapter.answers = {"hello": ["hang"]}
    chosen = callbacks(adapter.url, timeout_s=5)
    drain = {"grace_s": 3}
    async with gateways(Peers(), database, redis_url, callbacks=chosen, drain=drain) as [stopped]:
        answer = await stub(stopped).SendMessage(send("hello"), timeout=10)
        await until(lambda: adapter.posts, "it is being posted")
        [row] = await listed(stopped, session_id=answer.session_id, destination="callback")
        assert row.state == event_pb2.DELIVERY_STATE_SENDING
        asyncio.get_running_loop().call_later(0.5, adapter.released.set)
        session_id = answer.session_id
    async with gateways(Peers(), database, redis_url, callbacks=chosen) as [gateway]:
        [row] = await listed(gateway, session_id=session_id, destination="callback")
        assert row.state == DELIVERED
