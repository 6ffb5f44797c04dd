"""The floor: a gRPC process that answers each Execute at once, with nothing of Focal behind it.

`python -m benchmarks.toolbox.empty_call` serves and prints its address.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
import uvloop

from benchmarks import counterparts
from focal.toolbox.v1 import tool_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal.toolbox.v1.toolbox_service_pb2_grpc import (
    ToolboxServiceServicer,
    ToolboxServiceStub,
    add_ToolboxServiceServicer_to_server,
)

MODULE = "benchmarks.toolbox.empty_call"
Execute = Callable[[], Awaitable[None]]

_STARTED = pb.ExecuteResponse(started=pb.ToolStarted(tool_name="look_up"))
_ENDED = pb.ExecuteResponse(
    result=tool_pb2.ToolResult(
        tool_name="look_up", status=tool_pb2.TOOL_STATUS_SUCCESS, result_json='{"ok":true}', attempts=1
    )
)


@asynccontextmanager
async def caller(target: str) -> AsyncIterator[Execute]:
    """A call of it, read to its end."""
    async with grpc.aio.insecure_channel(target) as channel:
        stub: Any = ToolboxServiceStub(channel)
        request = pb.ExecuteRequest(call=tool_pb2.ToolCall(tool_name="look_up", arguments_json="{}"))

        async def execute() -> None:
            async for _ in stub.Execute(request, timeout=10):
                pass

        yield execute


class _AtOnce(ToolboxServiceServicer):
    async def Execute(self, request: pb.ExecuteRequest, context: Any) -> AsyncIterator[pb.ExecuteResponse]:  # noqa: N802
        yield _STARTED
        yield _ENDED


def _add(server: grpc.aio.Server) -> None:
    add_ToolboxServiceServicer_to_server(_AtOnce(), server)  # type: ignore[abstract]


if __name__ == "__main__":
    uvloop.run(counterparts.serve(_add))
