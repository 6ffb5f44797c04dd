"""`focal.memory.v1.MemoryService`.

What needs entities and relationships answers UNIMPLEMENTED until memory keeps them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NoReturn

import grpc.aio

from focal.memory.v1 import episode_pb2, memory_service_pb2_grpc
from focal.memory.v1 import memory_service_pb2 as api
from focal_kernel import clock, errors
from focal_memory.core.forget import Forget
from focal_memory.core.ingest import Ingest
from focal_memory.core.recall import Recall
from focal_memory.domain.episode import Episode
from focal_memory.errors import BadEpisode
from focal_memory.transport import episode_codec, question_codec
from focal_service_kit import identity

Context = grpc.aio.ServicerContext[Any, Any]

ERASING_ROLES = ("admin", "internal")


class MemoryServicer(memory_service_pb2_grpc.MemoryServiceServicer):
    """The tenant is always the verified caller's."""

    def __init__(self, ingest: Ingest, recall: Recall, forget: Forget, now: clock.Clock) -> None:
        self._ingest = ingest
        self._recall = recall
        self._forget = forget
        self._clock = now

    async def AddEpisodes(  # noqa: N802
        self, request_iterator: AsyncIterator[api.AddEpisodesRequest], context: Context
    ) -> api.AddEpisodesResponse:
        added = await self._ingest.add(identity.tenant(), self._episodes(request_iterator))
        return api.AddEpisodesResponse(stored=added.stored, duplicates=added.duplicates)

    async def Recall(self, request: api.RecallRequest, context: Context) -> api.RecallResponse:  # noqa: N802
        tenant = identity.tenant()
        found = await self._recall.find(question_codec.from_proto(request, tenant))
        return api.RecallResponse(episodes=[episode_codec.recalled_to_proto(one, tenant) for one in found])

    async def DeleteGroup(  # noqa: N802
        self, request: api.DeleteGroupRequest, context: Context
    ) -> api.DeleteGroupResponse:
        identity.require_role(*ERASING_ROLES)
        tenant = identity.tenant(request.tenant_id)
        return api.DeleteGroupResponse(deleted=await self._forget.group(tenant, request.session_id))

    async def Traverse(self, request: api.TraverseRequest, context: Context) -> NoReturn:  # noqa: N802
        raise not_implemented("Traverse")

    async def GetEntity(self, request: api.GetEntityRequest, context: Context) -> NoReturn:  # noqa: N802
        raise not_implemented("GetEntity")

    async def ListEntities(self, request: api.ListEntitiesRequest, context: Context) -> NoReturn:  # noqa: N802
        raise not_implemented("ListEntities")

    async def AsOf(self, request: api.AsOfRequest, context: Context) -> NoReturn:  # noqa: N802
        raise not_implemented("AsOf")

    async def _episodes(self, requests: AsyncIterator[api.AddEpisodesRequest]) -> AsyncIterator[Episode]:
        index = 0
        async for request in requests:
            yield self._episode(request.episode, index)
            index += 1

    def _episode(self, message: episode_pb2.Episode, index: int) -> Episode:
        try:
            return episode_codec.from_proto(message, self._clock.now())
        except errors.InvalidArgument as error:
            raise BadEpisode(error.reason, index, message.episode_id, error.violations) from None


def not_implemented(call: str) -> errors.Unimplemented:
    """The refusal of a call that the contract has and this release has not."""
    return errors.Unimplemented("NOT_IMPLEMENTED", f"{call} is not part of this release")
