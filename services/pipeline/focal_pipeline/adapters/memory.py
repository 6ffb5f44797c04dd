"""Recall from the memory service."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
import grpc.aio

from focal.memory.v1 import episode_pb2
from focal.memory.v1 import memory_service_pb2 as messages
from focal.memory.v1.memory_service_pb2_grpc import MemoryServiceStub
from focal_pipeline import errors
from focal_pipeline.ports import Recalled

NAME = "memory"

_SPEAKERS = {
    episode_pb2.EPISODE_SOURCE_USER: "customer",
    episode_pb2.EPISODE_SOURCE_AGENT: "agent",
}


class MemoryClient:
    """Implements the port `Memory`; an answer that takes longer than `timeout_s` is not awaited."""

    def __init__(self, channel: grpc.aio.Channel, *, timeout_s: float) -> None:
        self._stub = MemoryServiceStub(channel)
        self._timeout_s = timeout_s

    async def recall(self, query: str, customer_id: str, limit: int) -> Sequence[Recalled]:
        """See Memory."""
        request = messages.RecallRequest(query=query, customer_id=customer_id, limit=limit)
        try:
            response = await self._stub.Recall(request, timeout=self._timeout_s)
        except grpc.aio.AioRpcError as failure:
            raise errors.MemoryAway(failure.code().name.lower()) from None
        return [_recalled(found.episode) for found in response.episodes]


def _recalled(episode: episode_pb2.Episode) -> Recalled:
    return Recalled(episode.content, _SPEAKERS.get(episode.source, "system"))
