"""The PipelineService."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio

from focal.pipeline.v1 import pipeline_service_pb2 as messages
from focal.pipeline.v1.pipeline_service_pb2_grpc import PipelineServiceServicer
from focal_kernel.errors import Unimplemented
from focal_pipeline import errors
from focal_pipeline.core.describe_agent import DescribeAgent
from focal_pipeline.core.interrupts import Interrupts, Superseded
from focal_pipeline.core.judge_input import JudgeInput
from focal_pipeline.core.run_turn import PHASES, Brain
from focal_pipeline.domain.turn import Turn
from focal_pipeline.transport import result_codec, turn_codec
from focal_pipeline.transport.turn_stream import TurnStream
from focal_service_kit import identity, logging

Context = grpc.aio.ServicerContext[Any, Any]


class PipelineServicer(PipelineServiceServicer):
    """Runs turns for the gateway and describes agents."""

    def __init__(self, brain: Brain, describe: DescribeAgent, judge_input: JudgeInput) -> None:
        self._brain = brain
        self._describe = describe
        self._judge_input = judge_input

    async def RunTurn(  # type: ignore[override]  # noqa: N802
        self, request_iterator: AsyncIterator[messages.RunTurnRequest], context: Context
    ) -> None:
        """One attempt; the caller must be a service."""
        identity.require_role("internal")
        turn = await _start(request_iterator)
        # At once, not with the first frame: the gateway reads from it how soon turns are noticed here.
        await context.send_initial_metadata(())
        logging.bind(turn=turn.turn_id, session=turn.session_id, attempt=turn.attempt)
        stream = TurnStream(context)
        limit = self._brain.settings.supersede.limit
        interrupts = Interrupts(turn, stream, limit=limit, judge=self._brain.judge)
        listening = asyncio.create_task(stream.listen(request_iterator, interrupts), name="listen")
        running = asyncio.create_task(self._outcome(turn, interrupts, stream), name="run")
        try:
            await asyncio.wait((listening, running), return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                listening.result()  # raises when the gateway broke the protocol
            await stream.write(await running)
        finally:
            listening.cancel()
            running.cancel()
            await asyncio.wait((listening, running))

    async def DescribeAgent(  # noqa: N802
        self, request: messages.DescribeAgentRequest, context: Context
    ) -> messages.DescribeAgentResponse:
        """See the contract."""
        found = await self._describe(identity.tenant(), request.agent_id, request.version)
        return messages.DescribeAgentResponse(
            agent_id=found.agent_id,
            version=found.version,
            name=found.name,
            model_chain=found.model_chain,
            embedding_model=found.embedding_model,
            rules=found.rules,
            scenarios=found.scenarios,
            tools=found.tools,
            tools_not_enabled=found.not_enabled,
            phases=PHASES,
        )

    async def JudgeInput(  # noqa: N802
        self, request: messages.JudgeInputRequest, context: Context
    ) -> messages.JudgeInputResponse:
        """See the contract; the caller must be a service."""
        identity.require_role("internal")
        texts = turn_codec.texts_from_proto(request.texts)
        found, usage = await self._judge_input(identity.tenant(), request.agent_id, request.version, texts)
        return result_codec.judgement_to_proto(found, usage)

    async def SimulateTurn(  # noqa: N802
        self, request: messages.SimulateTurnRequest, context: Context
    ) -> messages.SimulateTurnResponse:
        """Not part of this release."""
        raise Unimplemented("NOT_IMPLEMENTED", "this release does not simulate turns")

    async def _outcome(
        self, turn: Turn, interrupts: Interrupts, stream: TurnStream
    ) -> messages.RunTurnResponse:
        try:
            result = await self._brain.run(turn, interrupts, stream)
        except Superseded as superseded:
            logging.bind(decision="supersede", at=superseded.decision.point.value)
            return messages.RunTurnResponse(decision=result_codec.decision_to_proto(superseded.decision))
        logging.bind(outcome=result.outcome.value, llm_calls=result.usage.llm_calls)
        return messages.RunTurnResponse(result=result_codec.result_to_proto(result))


async def _start(frames: AsyncIterator[messages.RunTurnRequest]) -> Turn:
    frame = await anext(aiter(frames), None)
    if frame is None or frame.WhichOneof("frame") != "start":
        raise errors.StreamProtocol("the first frame of RunTurn must be start")
    return turn_codec.turn_from_proto(frame.start, identity.tenant())
