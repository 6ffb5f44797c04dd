"""Fabric events end to end: their names, traces and limits."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from opentelemetry.sdk.trace import TracerProvider

from focal.turn.v1 import event_pb2
from focal.turn.v1 import turn_gateway_service_pb2 as pb
from tests.fakes import in_process
from tests.fakes.gateway_calls import completed, events, read_until, send, stub
from tests.fakes.gateway_peers import Peers, Run, gateways

pytestmark = pytest.mark.migrated("focal_turn_gateway")


async def log_of(gateway: in_process.Running, session_id: str) -> list[event_pb2.FabricEvent]:
    """A session's events up to its first completed turn."""
    request = pb.WatchSessionRequest(session_id=session_id, events_only=True)
    return events(await read_until(stub(gateway).WatchSession(request, timeout=20), completed))


async def answered(gateway: in_process.Running, text: str = "hello") -> Any:
    return await stub(gateway).SendMessage(send(text), timeout=10)


async def test_every_stored_event_has_its_full_name(database: str, redis_url: str) -> None:
    async def script(run: Run) -> None:
        await run.report(category="infra", kind="brain.started")
        await run.report(category="infra", kind="turn.completed")
        await run.answer()

    async with gateways(Peers(script), database, redis_url) as [gateway]:
        log = await log_of(gateway, (await answered(gateway)).session_id)
    names = [
        "infra.message.received",
        "infra.turn.started",
        "infra.message.aggregated",
        "infra.brain.started",
        "custom.infra.turn.completed",
        "infra.turn.completed",
    ]
    assert [event.name for event in log] == names
    connection = await asyncpg.connect(database)
    rows = await connection.fetch("SELECT name, trace_id FROM turns.events ORDER BY position")
    await connection.close()
    assert [row["name"] for row in rows] == names
    assert {row["trace_id"] for row in rows} == {""}


async def test_a_flood_of_events_costs_the_tenant_its_events_and_not_its_turn(
    database: str, redis_url: str
) -> None:
    async def script(run: Run) -> None:
        for _ in range(30):
            await run.report()
        for _ in range(30):
            await run.report(category="tool", kind="done")
        await run.report(category="tool", kind="done", payload_json='"' + "x" * 2000 + '"')
        await run.answer()

    limits = {"events_per_minute": 20, "custom_events_per_minute": 5, "max_event_bytes": 1000}
    async with gateways(Peers(script), database, redis_url, limits=limits) as [gateway]:
        log = await log_of(gateway, (await answered(gateway)).session_id)
        sampled = gateway.host.metrics.get_sample_value
        by_reason = [
            sampled("focal_events_dropped_total", {"tenant": "acme", "reason": reason})
            for reason in ("RATE_LIMIT", "CUSTOM_RATE_LIMIT", "PAYLOAD_TOO_LARGE")
        ]
    assert [event.name for event in log].count("custom.note") == 5
    assert [event.name for event in log].count("tool.done") == 15
    assert [event.name for event in log][-2:] == ["infra.events.dropped", "infra.turn.completed"]
    dropped = [(each.category, each.count) for each in log[-2].events_dropped.dropped]
    assert dropped == [("custom", 25), ("tool", 1), ("tool", 15)]
    assert by_reason == [15, 25, 1]


async def test_with_tracing_on_every_event_says_which_trace_it_is_part_of(
    database: str, redis_url: str
) -> None:
    async def script(run: Run) -> None:
        await run.report()
        await run.answer()

    tracer = TracerProvider().get_tracer("test")
    async with gateways(Peers(script), database, redis_url, tracer=tracer) as [gateway]:
        answer = await answered(gateway)
        log = await log_of(gateway, answer.session_id)
    traces = [event.trace_id for event in log]
    assert all(len(trace_id) == 32 for trace_id in traces)
    assert len(set(traces)) == 2, "one of the call that brought the message, one of the turn"
