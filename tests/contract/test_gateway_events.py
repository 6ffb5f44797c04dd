"""Fabric events end to end: their names, traces and limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from opentelemetry.sdk.trace import TracerProvider

from focal.turn.v1 import event_pb2, event_service_pb2_grpc
from focal.turn.v1 import event_service_pb2 as event_pb
from focal.turn.v1 import turn_gateway_service_pb2 as pb
from tests.fakes import in_process
from tests.fakes.gateway_calls import completed, converse, events, read_until, refused, send, stub
from tests.fakes.gateway_peers import Peers, Run, gateways
from tests.fakes.until import until

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


def watch_events(gateway: in_process.Running, token: str = "", **fields: Any) -> Any:
    chosen = token or gateway.deployment.tenant_token(roles=["admin"])
    events_stub: Any = event_service_pb2_grpc.EventServiceStub(gateway.channel(chosen))
    return events_stub.WatchEvents(event_pb.WatchEventsRequest(**fields), timeout=20)


def named(name: str, count: int = 1) -> Callable[[Any], bool]:
    """True for the frame with the `count`th event of this name."""
    seen: list[bool] = []

    def wanted(frame: Any) -> bool:
        seen.append(bool(frame.event.event.name == name))
        return sum(seen) == count

    return wanted


def logged(frames: list[Any]) -> list[Any]:
    return [frame.event.event for frame in frames if frame.WhichOneof("frame") == "event"]


async def test_an_administrator_follows_all_sessions_through_any_gateway_and_resumes(
    database: str, redis_url: str
) -> None:
    async with gateways(Peers(), database, redis_url, count=2) as both:
        for user in ("ada", "bob"):
            await stub(both[0]).SendMessage(send("hello", user=user), timeout=10)
        whole = await read_until(watch_events(both[0], from_oldest=True), named("infra.turn.completed", 2))
        assert len({event.session_id for event in logged(whole)}) == 2
        assert len(logged(whole)) == 8
        rest = watch_events(both[1], after_position=whole[4].event.position)
        assert logged(await read_until(rest, lambda frame: frame == whole[-1])) == logged(whole[5:])
        live = watch_events(both[1], patterns=["infra.turn.*"])
        assert (await live.read()).reached.position
        await stub(both[0]).SendMessage(send("again"), timeout=10)
        names = [event.name for event in logged(await read_until(live, named("infra.turn.completed")))]
        assert names == ["infra.turn.started", "infra.turn.completed"]


async def test_only_administrators_of_the_tenant_and_operators_follow_its_events(
    database: str, redis_url: str
) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        deployment = gateway.deployment
        await answered(gateway)
        status, refusal = await refused(watch_events(gateway, deployment.tenant_token()))
        assert (status.name, refusal.reason) == ("PERMISSION_DENIED", "INSUFFICIENT_PERMISSIONS")
        status, refusal = await refused(watch_events(gateway, tenant_id="umbrella"))
        assert refusal.reason == "TENANT_MISMATCH"
        status, refusal = await refused(watch_events(gateway, deployment.operator_token()))
        assert refusal.reason == "INVALID_FIELD"
        operator = watch_events(
            gateway, deployment.operator_token(), tenant_id="acme", from_oldest=True, agent_id="desk"
        )
        assert logged(await read_until(operator, named("infra.turn.completed")))[0].tenant_id == "acme"
        other = watch_events(gateway, deployment.tenant_token("umbrella", roles=["admin"]), from_oldest=True)
        assert (await other.read()).HasField("reached")
        other.cancel()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"patterns": ["tool"] * 17}, "INVALID_FIELD"),
        ({"patterns": ["invented.*"]}, "INVALID_FIELD"),
        ({"agent_id": "a b"}, "INVALID_ID"),
        ({"after_position": "made up"}, "INVALID_PAGE_TOKEN"),
    ],
)
async def test_a_request_for_events_that_makes_no_sense_is_refused(
    database: str, redis_url: str, fields: dict[str, Any], reason: str
) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        _, refusal = await refused(watch_events(gateway, **fields))
        assert refusal.reason == reason


async def test_a_session_is_watched_by_pattern(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        session_id = (await answered(gateway)).session_id
        request = pb.WatchSessionRequest(session_id=session_id, patterns=["infra.turn.*"])
        found = await read_until(stub(gateway).WatchSession(request, timeout=20), completed)
        assert [event.name for event in events(found)] == ["infra.turn.started", "infra.turn.completed"]
        bad = pb.WatchSessionRequest(session_id=session_id, patterns=["nothing"])
        _, refusal = await refused(stub(gateway).WatchSession(bad, timeout=20))
        assert refusal.reason == "INVALID_FIELD"


async def test_a_gateway_that_stops_says_where_to_go_on(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        await answered(gateway)
        call = watch_events(gateway, from_oldest=True)
        before = await read_until(call, named("infra.turn.completed"))
        for callback in gateway.host.drain_callbacks:
            await callback()
        after = await read_until(call, lambda frame: frame.HasField("go_away"))
        assert after[-1].go_away.resume_position == before[-1].event.position


async def test_who_resumes_behind_what_was_removed_is_told_where_events_begin(
    database: str, redis_url: str
) -> None:
    retention = {"events_days": 30, "every_s": 0.05}
    async with gateways(Peers(), database, redis_url, retention=retention) as [gateway]:
        session_id = (await answered(gateway)).session_id
        connection = await asyncpg.connect(database)
        old = """UPDATE turns.events SET occurred_at = now() - interval '31 days' WHERE "offset" <= 3"""
        await connection.execute(old)

        async def removed() -> bool:
            return bool(await connection.fetchval("SELECT count(*) FROM turns.events") == 1)

        await until(removed, "three events are removed")
        await connection.close()
        status, refusal = await refused(
            stub(gateway).WatchSession(pb.WatchSessionRequest(session_id=session_id, after_offset=1))
        )
        assert (status.name, refusal.reason) == ("OUT_OF_RANGE", "EVENTS_REMOVED")
        assert refusal.metadata == {"first_available": "4"}
        status, refusal = await refused(await converse(gateway, after_offset=2))
        assert refusal.reason == "EVENTS_REMOVED"
        for after in (0, 3):
            request = pb.WatchSessionRequest(session_id=session_id, after_offset=after)
            found = await read_until(stub(gateway).WatchSession(request, timeout=20), completed)
            assert [event.offset for event in events(found)] == [4]
