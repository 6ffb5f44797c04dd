"""Asks config_watcher which agents exist, and remembers the answers for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cachetools
import grpc
import grpc.aio

from focal.config.v1 import config_watcher_service_pb2 as pb
from focal.config.v1 import config_watcher_service_pb2_grpc as api
from focal_kernel import errors as kernel_errors
from focal_service_kit import errors as wire

_REMEMBERED = 10_000


class ConfigDirectory:
    """`ports.AgentDirectory`.

    Known agents are trusted for `known_s` seconds, and again for as long whenever config_watcher does not
    answer: a deploy of it must neither stop conversations nor slow each message down. Unknown ones are asked
    for again after `unknown_s` seconds. `token` mints a token for a tenant.
    """

    def __init__(
        self, channel: grpc.aio.Channel, token: Callable[[str], str], *, known_s: float, unknown_s: float
    ) -> None:
        self._stub: Any = api.ConfigWatcherServiceStub(channel)
        self._token = token
        self._fresh: cachetools.TTLCache[tuple[str, str], bool] = cachetools.TTLCache(_REMEMBERED, known_s)
        self._ever: cachetools.LRUCache[tuple[str, str], bool] = cachetools.LRUCache(_REMEMBERED)
        self._unknown: cachetools.TTLCache[tuple[str, str], kernel_errors.FocalError] = cachetools.TTLCache(
            _REMEMBERED, unknown_s
        )

    async def require(self, tenant_id: str, agent_id: str) -> None:
        """Raise NotFound (TENANT_NOT_FOUND, AGENT_NOT_FOUND) unless the agent has a published version."""
        key = (tenant_id, agent_id)
        if key in self._fresh:
            return
        if (known := self._unknown.get(key)) is not None:
            # Without what earlier raises have left on it, or it would grow with each.
            raise known.with_traceback(None)
        try:
            await self._stub.GetPointer(
                pb.GetPointerRequest(agent_id=agent_id),
                metadata=(("authorization", f"Bearer {self._token(tenant_id)}"),),
            )
        except grpc.aio.AioRpcError as error:
            self._failed(key, error)
            return
        self._fresh[key] = self._ever[key] = True

    def _failed(self, key: tuple[str, str], error: grpc.aio.AioRpcError) -> None:
        raised = wire.from_rpc(error)
        if error.code() is grpc.StatusCode.NOT_FOUND:
            self._unknown[key] = raised
            self._ever.pop(key, None)
            raise raised from error
        if key not in self._ever:
            raise raised from error
        self._fresh[key] = True
