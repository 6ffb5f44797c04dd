"""Provider `queue`: a partner that reads a Valkey stream and answers on another."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import redis.asyncio

from focal.config.v1 import tool_definition_pb2
from focal.toolbox.v1 import effect_pb2, tool_gateway_service_pb2_grpc, tool_pb2
from focal.toolbox.v1 import tool_gateway_service_pb2 as gateway_pb
from focal_toolbox.adapters.providers.queue import QueueProvider
from focal_toolbox.domain.answer import Verdict
from focal_toolbox.ports.providers import Handover
from tests.fakes import running_toolbox
from tests.fakes.running_toolbox import IRREVERSIBLE, RunningToolbox, Turn
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_toolbox")

ORDER = {"order_id": "10003"}
REQUESTS, RESULTS, DEAD = "tools.requests.acme.warehouse", "tools.results", "tools.results.dead"
SUCCESS, ERROR, REFUSED, STARTED = (
    tool_pb2.TOOL_STATUS_SUCCESS,
    tool_pb2.TOOL_STATUS_ERROR,
    tool_pb2.TOOL_STATUS_REFUSED,
    tool_pb2.TOOL_STATUS_STARTED,
)


def queued(name: str, **more: Any) -> tool_definition_pb2.ToolDefinition:
    chosen = {"asynchronous": True, "config": {"queue": "warehouse"}, **more}
    made = running_toolbox.tool(name, IRREVERSIBLE, **chosen)
    made.provider = "queue"
    return made


TOOLS = (queued("ship"), queued("hasty", asynchronous=False))


@dataclass
class Scene:
    """A toolbox with queues, and the partner's client."""

    toolbox: RunningToolbox
    partner: redis.asyncio.Redis

    async def requests(self) -> list[dict[str, Any]]:
        """The envelopes that wait for the partner."""
        entries: Any = await self.partner.xrange(REQUESTS)
        return [json.loads(fields[b"envelope"]) for _, fields in entries]

    async def answer(self, envelope: object) -> None:
        """The partner reports."""
        text = envelope if isinstance(envelope, str) else json.dumps(envelope)
        await self.partner.xadd(RESULTS, {"envelope": text})

    async def dead(self) -> list[dict[bytes, bytes]]:
        entries: Any = await self.partner.xrange(DEAD)
        return [fields for _, fields in entries]

    async def is_settled(self) -> bool:
        return not await self.partner.xlen(RESULTS)


@asynccontextmanager
async def _scene(database: str, redis_url: str, **overrides: Any) -> AsyncIterator[Scene]:
    chosen = {"enabled": True, "block_s": 0.1, "claim_s": 0.2, **overrides.pop("queue", {})}
    asynchronous = {**running_toolbox.FAST["asynchronous"], "wait_s": 5, **overrides}
    async with (
        running_toolbox.serving(
            database,
            "http://127.0.0.1:1",
            tools=TOOLS,
            queue=chosen,
            redis={"url": redis_url, "timeout_s": 2},
            asynchronous=asynchronous,
        ) as toolbox,
        redis.asyncio.Redis.from_url(redis_url) as partner,
    ):
        yield Scene(toolbox, partner)


async def test_a_request_is_queued_and_its_answer_is_the_result_of_the_call(
    database: str, redis_url: str
) -> None:
    async with _scene(database, redis_url) as scene:
        calling = asyncio.create_task(scene.toolbox.execute("ship", ORDER))
        await until(scene.requests, "the request is queued")
        [request] = await scene.requests()
        [effect] = await scene.toolbox.effects()
        token = request.pop("token")
        assert request == {
            "schema_version": 1,
            "tenant_id": "acme",
            "tool": "ship",
            "arguments": ORDER,
            "idempotency_key": effect.effect_key,
            "report_within_s": 86_400,
            "headers": {"traceparent": ""},
        }
        await scene.answer(
            {"schema_version": 1, "token": token, "status": "SUCCESS", "result": {"parcel": 7}}
        )
        result = await calling
        assert (result.status, result.result_json) == (SUCCESS, '{"parcel":7}')
        await until(scene.is_settled, "the answer is settled")
        assert await scene.dead() == []


async def test_poison_is_buried_and_holds_up_nobody(database: str, redis_url: str) -> None:
    async with _scene(database, redis_url) as scene:
        calling = asyncio.create_task(scene.toolbox.execute("ship", ORDER))
        await until(scene.requests, "the request is queued")
        token = (await scene.requests())[0]["token"]
        good = {"schema_version": 1, "token": token, "status": "ERROR", "reason": "sold_out"}
        poison: list[object] = [
            "{",
            "[]",
            {**good, "schema_version": 2},
            {**good, "status": "STARTED"},
            {**good, "token": 7},
            {**good, "reason": "no <b>words</b>"},
            {**good, "status": "SUCCESS", "result": "x" * 40_000},
            {**good, "token": "frt_" + "x" * 43},
        ]
        for envelope in poison:
            await scene.answer(envelope)
        await scene.partner.xadd(RESULTS, {"something": "else"})
        await scene.answer(good)
        result = await calling
        assert (result.status, result.error_reason) == (ERROR, "sold_out")
        await until(scene.is_settled, "all are settled")
        reasons = [fields[b"reason"].decode() for fields in await scene.dead()]
        assert reasons == ["INVALID_FIELD"] * 7 + ["RESULT_TOKEN_INVALID", "INVALID_FIELD"]


async def test_answers_that_a_lost_toolbox_had_taken_are_taken_over(database: str, redis_url: str) -> None:
    async with redis.asyncio.Redis.from_url(redis_url) as lost:
        await lost.xgroup_create(RESULTS, "focal", id="0", mkstream=True)
        await lost.xadd(RESULTS, {"envelope": "{"})
        await lost.xreadgroup("focal", "tbx_lost", {RESULTS: ">"})
    async with _scene(database, redis_url) as scene:
        await until(scene.dead, "it is taken over")
        assert await scene.is_settled()


async def test_a_full_queue_refuses_and_leaves_nothing_behind(database: str, redis_url: str) -> None:
    async with _scene(database, redis_url, queue={"max_waiting": 1}, wait_s=0.05) as scene:
        assert (await scene.toolbox.execute("ship", ORDER)).status == STARTED
        other = {"order_id": "10004"}
        full = await scene.toolbox.execute("ship", other)
        assert (full.status, full.error_reason) == (ERROR, "queue_full")
        assert full.effect_state == effect_pb2.EFFECT_STATE_FAILED
        await scene.partner.delete(REQUESTS)
        again = await scene.toolbox.execute("ship", other, Turn(epoch=2))
        assert (again.status, len(await scene.requests())) == (STARTED, 1)


async def test_a_request_that_is_sent_again_is_queued_once(redis_url: str) -> None:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        provider = QueueProvider(client.connection_pool, 10)
        handover = Handover("ship", "frt_" + "x" * 43, 60)
        dispatch = provider.prepare_asynchronous("acme", '{"queue":"warehouse"}', {}, handover)
        answers = [await dispatch.send("key", 2) for _ in range(2)]
        assert {answer.verdict for answer in answers} == {Verdict.DONE}
        assert await client.xlen(REQUESTS) == 1


async def test_a_server_that_is_away_has_got_nothing() -> None:
    async with redis.asyncio.Redis.from_url("redis://127.0.0.1:1") as client:
        provider = QueueProvider(client.connection_pool, 10)
        dispatch = provider.prepare_asynchronous("acme", "{}", {}, Handover("ship", "frt_", 60))
        answer = await dispatch.send("key", 2)
        assert (answer.verdict, answer.reason) == (Verdict.UNCHANGED, "unreachable")


async def test_a_queue_answers_later_and_only_where_it_is_enabled(database: str, redis_url: str) -> None:
    async with _scene(database, redis_url, queue={"enabled": False}) as scene:
        found = await scene.toolbox.execute("ship", ORDER)
        assert (found.status, found.error_reason) == (REFUSED, "PROVIDER_NOT_CONFIGURED")
        token = scene.toolbox.running.deployment.internal_token("pipeline", "toolbox")
        stub: Any = tool_gateway_service_pb2_grpc.ToolGatewayServiceStub(scene.toolbox.running.channel(token))
        providers = (await stub.ListProviders(gateway_pb.ListProvidersRequest(), timeout=5)).providers
        [listed] = [each for each in providers if each.name == "queue"]
        assert (listed.available, listed.reason) == (False, "the toolbox setting queue.enabled is off")
    async with _scene(database, redis_url) as scene:
        found = await scene.toolbox.execute("hasty", ORDER)
        assert (found.status, found.error_reason) == (REFUSED, "PROVIDER_NOT_CONFIGURED")
        assert await scene.requests() == []
