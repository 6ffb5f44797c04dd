"""`focal.config.v1.ConfigWatcherService`."""

# ruff: noqa: N802 - the contract names the methods

from collections.abc import AsyncIterator
from typing import Any

import grpc

from focal.config.v1 import config_watcher_service_pb2 as messages
from focal.config.v1 import config_watcher_service_pb2_grpc
from focal_config_watcher.core.serving import Bundles
from focal_config_watcher.core.watching import Pointers
from focal_config_watcher.domain.version import AgentKey
from focal_config_watcher.transport import codec, requests
from focal_kernel import ids
from focal_service_kit import identity

Context = grpc.aio.ServicerContext[Any, Any]

CHUNK_BYTES = 256 * 1024
"""Stated by the contract; small enough to interleave with other streams."""

_READERS = ("admin", "internal")


class ConfigWatcherServicer(config_watcher_service_pb2_grpc.ConfigWatcherServiceServicer):
    """Serves published bundles; prompts and rules are not for every user of a tenant."""

    def __init__(self, bundles: Bundles, pointers: Pointers) -> None:
        self._bundles = bundles
        self._pointers = pointers

    async def GetBundle(
        self, request: messages.GetBundleRequest, context: Context
    ) -> AsyncIterator[messages.GetBundleResponse]:
        key = _key(request.agent_id)
        if request.version < 0:
            raise requests.invalid("version", "must not be negative")
        manifest = await self._bundles.manifest(key, request.version, request.parts)
        yield messages.GetBundleResponse(manifest=codec.manifest(manifest))
        async for part, content in self._bundles.parts(manifest):
            for start in range(0, len(content), CHUNK_BYTES):
                data = content[start : start + CHUNK_BYTES]
                yield messages.GetBundleResponse(chunk=messages.BundleChunk(part=part.name, data=data))

    async def GetPointer(
        self, request: messages.GetPointerRequest, context: Context
    ) -> messages.GetPointerResponse:
        pointer = await self._bundles.pointer(_key(request.agent_id))
        return messages.GetPointerResponse(pointer=codec.pointer(pointer))

    async def WatchBundles(
        self, request: messages.WatchBundlesRequest, context: Context
    ) -> AsyncIterator[messages.WatchBundlesResponse]:
        caller = identity.require_role(*_READERS)
        with self._pointers.follow(caller.tenant_id) as (known, watch):
            for pointer in known:
                yield messages.WatchBundlesResponse(pointer=codec.pointer(pointer))
            yield messages.WatchBundlesResponse(snapshot_end=messages.SnapshotEnd())
            async for pointer in watch.changes():
                yield messages.WatchBundlesResponse(pointer=codec.pointer(pointer))


def _key(agent_id: str) -> AgentKey:
    identity.require_role(*_READERS)
    return AgentKey(identity.tenant(), ids.check_id(agent_id, "agent_id"))
