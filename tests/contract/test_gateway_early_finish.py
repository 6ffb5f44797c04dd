"""Windows that a judgement of the pipeline ends before their time, on real gRPC and PostgreSQL."""

from __future__ import annotations

import pytest

from focal.pipeline.v1 import pipeline_service_pb2 as pipeline_pb
from focal.turn.v1 import turn_pb2
from tests.fakes import gateway_calls as calls
from tests.fakes.gateway_peers import Peers, gateways

pytestmark = pytest.mark.migrated("focal_turn_gateway")

EARLY = {"enabled": True, "after_ms": 50}
LONG = {"mode": "fixed", "fixed_ms": 30_000, "max_wait_ms": 60_000, "early_finish": EARLY}


async def test_a_complete_input_is_answered_before_its_window_has_passed(
    database: str, redis_url: str
) -> None:
    peers = Peers(judgement=pipeline_pb.JudgeInputResponse(judged=True, complete=True, confidence=0.95))
    async with gateways(peers, database, redis_url, accumulation=LONG) as [gateway]:
        answer = await calls.stub(gateway).SendMessage(calls.send("where is my order?"), timeout=20)
        assert answer.turn.aggregation_reason == turn_pb2.AGGREGATION_REASON_ADAPTIVE
        assert peers.judged == [["where is my order?"]]


@pytest.mark.parametrize(
    "judgement",
    [
        None,
        pipeline_pb.JudgeInputResponse(judged=False),
        pipeline_pb.JudgeInputResponse(judged=True, complete=True, confidence=0.7),
    ],
)
async def test_without_a_sure_answer_the_window_is_waited_out(
    database: str, redis_url: str, judgement: pipeline_pb.JudgeInputResponse | None
) -> None:
    peers = Peers(judgement=judgement)
    async with gateways(peers, database, redis_url, accumulation={**LONG, "fixed_ms": 1500}) as [gateway]:
        answer = await calls.stub(gateway).SendMessage(calls.send("well"), timeout=20)
        assert answer.turn.aggregation_reason == turn_pb2.AGGREGATION_REASON_TIMEOUT
        assert peers.judged == [["well"]]


async def test_nobody_is_asked_when_it_is_switched_off(database: str, redis_url: str) -> None:
    peers = Peers(judgement=pipeline_pb.JudgeInputResponse(judged=True, complete=True, confidence=1))
    accumulation = {"mode": "fixed", "fixed_ms": 1200}
    async with gateways(peers, database, redis_url, accumulation=accumulation) as [gateway]:
        await calls.stub(gateway).SendMessage(calls.send("well"), timeout=20)
        assert peers.judged == []
