"""Asks the pipeline whether an input is complete."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import grpc
import grpc.aio

from focal.pipeline.v1 import pipeline_service_pb2 as pb
from focal.pipeline.v1 import pipeline_service_pb2_grpc as api
from focal_service_kit import logging
from focal_turn_gateway.ports.accumulation import Judgement, OpenWindow

_log = logging.get("accumulate")


class GrpcInputJudge:
    """`ports.InputJudge`. `token` makes the caller's token for a tenant, `timeout_s` bounds a judgement."""

    def __init__(self, channel: grpc.aio.Channel, token: Callable[[str], str], timeout_s: float) -> None:
        self._stub: Any = api.PipelineServiceStub(channel)
        self._token = token
        self._timeout_s = timeout_s

    async def judge(self, window: OpenWindow, texts: Sequence[str]) -> Judgement | None:
        """The judgement; None when the pipeline gives none, whatever the cause."""
        request = pb.JudgeInputRequest(agent_id=window.agent_id, version=window.config_version, texts=texts)
        try:
            answer = await self._stub.JudgeInput(
                request,
                timeout=self._timeout_s,
                metadata=(("authorization", f"Bearer {self._token(window.tenant_id)}"),),
            )
        except grpc.aio.AioRpcError as error:
            _log.warning("input not judged", code=error.code().name)
            return None
        return Judgement(answer.complete, answer.confidence) if answer.judged else None
