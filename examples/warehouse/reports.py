"""Results told to Focal, with the token that came with the request and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import grpc
import grpc.aio

from focal.toolbox.v1 import tool_pb2, toolbox_service_pb2_grpc
from focal.toolbox.v1 import toolbox_service_pb2 as pb

TIMEOUT_S = 5.0
PAUSE_S = 1.0


class Reports:
    """Reports to a toolbox until it answers: the same report again is harmless."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: Any = toolbox_service_pb2_grpc.ToolboxServiceStub(channel)

    async def done(self, token: str, result: Mapping[str, Any]) -> None:
        """The work is done, with this result."""
        text = json.dumps(result)
        await self._report(token, tool_pb2.ToolResult(status=tool_pb2.TOOL_STATUS_SUCCESS, result_json=text))

    async def failed(self, token: str, reason: str) -> None:
        """The work was not done and will not be; nothing has changed."""
        await self._report(token, tool_pb2.ToolResult(status=tool_pb2.TOOL_STATUS_ERROR, error_reason=reason))

    async def _report(self, token: str, result: tool_pb2.ToolResult) -> None:
        request = pb.ReportToolResultRequest(token=token, result=result)
        while True:
            try:
                await self._stub.ReportToolResult(request, timeout=TIMEOUT_S)
            except grpc.aio.AioRpcError as failure:
                if failure.code() is not grpc.StatusCode.UNAVAILABLE:
                    print(f"not taken: {failure.details()}")
                    return
                await asyncio.sleep(PAUSE_S)
            else:
                return
