"""`JudgeInput` over real gRPC: the model chain against the model double, and without a model."""

import json
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
import pytest

from focal.pipeline.v1 import pipeline_service_pb2 as pb
from focal.pipeline.v1.pipeline_service_pb2_grpc import PipelineServiceStub
from focal_service_kit import errors as rpc_errors
from tests.doubles import openai_server
from tests.doubles.model_script import Fault, Reply
from tests.fakes import pipeline_peers

SMALL, OTHER = "double-small", "double-other"


@pytest.fixture
async def double() -> AsyncIterator[openai_server.OpenAIDouble]:
    async with openai_server.running() as running:
        yield running


@pytest.fixture
async def mesh(double: openai_server.OpenAIDouble) -> AsyncIterator[pipeline_peers.Mesh]:
    llm = {"base_url": double.base_url, "model": SMALL, "fallback_models": [OTHER]}
    async with pipeline_peers.mesh(llm=llm) as running:
        yield running


async def judge(mesh: pipeline_peers.Mesh, *texts: str, **fields: Any) -> pb.JudgeInputResponse:
    request = pb.JudgeInputRequest(**{"agent_id": pipeline_peers.AGENT, "texts": texts, **fields})
    answer: pb.JudgeInputResponse = await mesh.stub().JudgeInput(request, timeout=10)
    return answer


async def test_a_model_judges_with_few_tokens_of_its_own_call_site(
    mesh: pipeline_peers.Mesh, double: openai_server.OpenAIDouble
) -> None:
    double.chat.add(json.dumps({"complete": True, "confidence": 0.93}))
    answer = await judge(mesh, "hi", "where is my order 10003?")
    assert (answer.judged, answer.complete, answer.confidence) == (True, True, 0.93)
    assert (answer.usage.llm_calls, list(answer.usage.models)) == (1, [SMALL])
    [request] = double.requests
    assert request.body["max_tokens"] == 20
    assert request.body["response_format"]["type"] == "json_schema"
    assert "where is my order 10003?" in request.prompt


async def test_the_next_model_judges_when_the_first_fails(
    mesh: pipeline_peers.Mesh, double: openai_server.OpenAIDouble
) -> None:
    double.chat.add(Reply(fault=Fault(status=500)))
    double.chat.add(json.dumps({"complete": False, "confidence": 0.5}))
    answer = await judge(mesh, "well")
    assert (answer.judged, answer.complete, answer.confidence) == (True, False, 0.5)
    assert [request.model for request in double.requests] == [SMALL, OTHER]


@pytest.mark.parametrize(
    "said",
    ["yes", "{}", '{"complete": true, "confidence": 7}', '{"complete": "perhaps", "confidence": 1}'],
)
async def test_an_unusable_answer_is_no_judgement(
    mesh: pipeline_peers.Mesh, double: openai_server.OpenAIDouble, said: str
) -> None:
    double.chat.add(said)
    double.chat.add(said)
    answer = await judge(mesh, "well")
    assert (answer.judged, answer.complete, answer.confidence) == (False, False, 0)
    assert answer.usage.llm_calls == 2


async def test_a_model_that_hangs_costs_its_time_limit_and_no_more(
    double: openai_server.OpenAIDouble,
) -> None:
    llm = {"base_url": double.base_url, "model": SMALL, "input_judgement": {"timeout_s": 0.2}}
    double.chat.add(Reply(fault=Fault(hang=True)))
    async with pipeline_peers.mesh(llm=llm) as running:
        assert not (await judge(running, "well")).judged


async def test_only_the_latest_characters_are_judged(double: openai_server.OpenAIDouble) -> None:
    llm = {"base_url": double.base_url, "model": SMALL, "judged_chars": 10}
    double.chat.add(json.dumps({"complete": True, "confidence": 1}))
    async with pipeline_peers.mesh(llm=llm) as running:
        await judge(running, "far too long ago", "the end!")
    assert "too long" not in double.requests[0].prompt


async def test_without_a_model_nobody_judges() -> None:
    async with pipeline_peers.mesh() as running:
        answer = await judge(running, "where is it?")
        assert (answer.judged, answer.usage.llm_calls) == (False, 0)


async def test_bad_requests_and_foreign_callers_are_refused(mesh: pipeline_peers.Mesh) -> None:
    for count in (0, 101):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await judge(mesh, *["x"] * count)
        assert rpc_errors.from_rpc(caught.value).reason == "INVALID_FIELD"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await judge(mesh, "hi", agent_id="nobody")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    token = mesh.running.deployment.tenant_token(pipeline_peers.TENANT)
    stub: Any = PipelineServiceStub(mesh.running.channel(token))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.JudgeInput(pb.JudgeInputRequest(agent_id=pipeline_peers.AGENT, texts=["hi"]), timeout=5)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
