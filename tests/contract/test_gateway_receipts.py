"""Receipts of channel adapters: in any order, any number of times, and never backwards."""

from __future__ import annotations

import asyncio
from itertools import permutations
from typing import Any

import grpc
import pytest

from focal.turn.v1 import event_pb2, receipt_service_pb2_grpc
from focal.turn.v1 import receipt_service_pb2 as pb
from focal.turn.v1 import turn_gateway_service_pb2 as gateway_pb
from tests.fakes import in_process
from tests.fakes.gateway_calls import refused, send, stub
from tests.fakes.gateway_peers import Peers, gateways

pytestmark = pytest.mark.migrated("focal_turn_gateway")

SENT, FAILED, DELIVERED, READ = (
    event_pb2.RECEIPT_STATE_SENT,
    event_pb2.RECEIPT_STATE_FAILED,
    event_pb2.RECEIPT_STATE_DELIVERED,
    event_pb2.RECEIPT_STATE_READ,
)


def receipts(gateway: in_process.Running, tenant: str = "acme", *roles: str) -> Any:
    token = gateway.deployment.tenant_token(tenant, roles=roles or ("adapter",))
    return receipt_service_pb2_grpc.ReceiptServiceStub(gateway.channel(token))


def report(key: str, state: Any, **more: Any) -> pb.ReportDeliveryRequest:
    return pb.ReportDeliveryRequest(dedupe_key=key, state=state, **more)


async def replied(gateway: in_process.Running, text: str = "hello", channel: str = "web") -> Any:
    request = send(text)
    request.address.channel = channel
    return (await stub(gateway).SendMessage(request, timeout=10)).turn


async def log(gateway: in_process.Running, session_id: str, count: int) -> list[Any]:
    """The first events that say that something was reported."""
    found = []
    request = gateway_pb.WatchSessionRequest(session_id=session_id, events_only=True)
    call = stub(gateway).WatchSession(request, timeout=10)
    async for frame in call:
        if frame.event.WhichOneof("body") == "receipt_reported":
            found.append(frame.event)
        if len(found) == count:
            call.cancel()
            return found
    raise AssertionError("the stream ended")


async def test_a_state_only_advances_whatever_the_order_of_reports(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        adapter = receipts(gateway)
        for order in permutations((SENT, DELIVERED, READ)):
            turn = await replied(gateway)
            highest = 0
            for state in (*order, *order):
                answer = await adapter.ReportDelivery(report(f"{turn.turn_id}:0:0", state))
                assert answer.advanced == (state > highest)
                highest = max(highest, state)
                assert answer.receipt.state == highest


async def test_each_change_is_one_event_and_a_failure_keeps_its_reason(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        turn = await replied(gateway)
        key, adapter = f"{turn.turn_id}:0:0", receipts(gateway)
        first = report(key, SENT, provider_message_id="wamid.1")
        assert [(await adapter.ReportDelivery(each)).advanced for each in (first, first)] == [True, False]
        failed = report(key, FAILED, reason="unknown number")
        assert (await adapter.ReportDelivery(failed)).receipt.reason == "unknown number"
        late = await adapter.ReportDelivery(report(key, DELIVERED))
        assert (late.receipt.state, late.receipt.reason) == (DELIVERED, "")
        assert late.receipt.provider_message_id == "wamid.1"
        events = await log(gateway, turn.session_id, 3)
        assert [each.receipt_reported.state for each in events] == [SENT, FAILED, DELIVERED]
        assert {(each.name, each.turn_id) for each in events} == {("infra.receipt.reported", turn.turn_id)}


async def test_the_providers_id_names_a_part_on_its_channel_only(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        turn = await replied(gateway)
        adapter = receipts(gateway)
        await adapter.ReportDelivery(report(f"{turn.turn_id}:0:0", SENT, provider_message_id="7"))
        read = await adapter.ReportDelivery(report("", READ, provider_message_id="7", channel="webchat"))
        assert (read.receipt.dedupe_key, read.receipt.state) == (f"{turn.turn_id}:0:0", READ)
        elsewhere = report("", READ, provider_message_id="7", channel="sms")
        status, error = await refused(adapter.ReportDelivery(elsewhere))
        assert (status, error.reason) == (grpc.StatusCode.NOT_FOUND, "REPLY_PART_NOT_FOUND")


async def test_nobody_reports_about_another_tenants_reply_or_without_the_role(
    database: str, redis_url: str
) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        turn = await replied(gateway)
        request = report(f"{turn.turn_id}:0:0", READ)
        _, error = await refused(receipts(gateway, "umbrella").ReportDelivery(request))
        assert error.reason == "REPLY_PART_NOT_FOUND"
        status, _ = await refused(receipts(gateway, "acme", "agent").ReportDelivery(request))
        assert status is grpc.StatusCode.PERMISSION_DENIED
        _, error = await refused(receipts(gateway).ReportDelivery(report("trn_9:0:0", READ)))
        assert error.reason == "REPLY_PART_NOT_FOUND"
        _, error = await refused(receipts(gateway).ReportDelivery(report(f"{turn.turn_id}:0:0", 0)))
        assert error.reason == "INVALID_FIELD"
        listed = await receipts(gateway).ListReceipts(pb.ListReceiptsRequest(turn_id=turn.turn_id))
        assert not listed.receipts


async def test_reports_at_once_leave_one_receipt_per_part_in_pages(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url, count=2) as both:
        turn = await replied(both[0], "word " * 100, "sms")
        reports = [
            receipts(both[number % 2]).ReportDelivery(report(f"{turn.turn_id}:0:{number % 4}", state))
            for number, state in enumerate([SENT, READ, DELIVERED] * 4)
        ]
        answers = await asyncio.gather(*reports)
        assert sum(answer.advanced for answer in answers) >= 4
        first = await receipts(both[0]).ListReceipts(
            pb.ListReceiptsRequest(turn_id=turn.turn_id, page_size=3)
        )
        rest = await receipts(both[1]).ListReceipts(
            pb.ListReceiptsRequest(turn_id=turn.turn_id, page_size=3, page_token=first.next_page_token)
        )
        listed = [*first.receipts, *rest.receipts]
        assert [(each.segment, each.part, each.state) for each in listed] == [(0, n, READ) for n in range(4)]
        assert rest.next_page_token == ""
