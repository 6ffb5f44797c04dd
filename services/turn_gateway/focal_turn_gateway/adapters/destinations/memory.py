"""Committed turns to memory, as episodes with ids of their own so that a repeat stores nothing twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import grpc
import grpc.aio

from focal.memory.v1 import episode_pb2
from focal.memory.v1 import memory_service_pb2 as pb
from focal.memory.v1 import memory_service_pb2_grpc as api
from focal_service_kit import errors as wire
from focal_turn_gateway import errors
from focal_turn_gateway.ports.delivery import ClaimedRow


class MemoryEpisodes:
    """`ports.Destination`. `token` mints a token for a tenant, `timeout_s` bounds one delivery in seconds."""

    def __init__(self, channel: grpc.aio.Channel, token: Callable[[str], str], timeout_s: float) -> None:
        self._stub: Any = api.MemoryServiceStub(channel)
        self._token = token
        self._timeout_s = timeout_s

    async def deliver(self, rows: Sequence[ClaimedRow]) -> None:
        """Send the episodes of all rows, one stream per tenant. Raises Undeliverable."""
        by_tenant: dict[str, list[ClaimedRow]] = defaultdict(list)
        for row in rows:
            by_tenant[row.tenant_id].append(row)
        for tenant_id, owned in by_tenant.items():
            await self._add(tenant_id, [episode for row in owned for episode in _episodes(row)])

    async def _add(self, tenant_id: str, episodes: list[episode_pb2.Episode]) -> None:
        try:
            await self._stub.AddEpisodes(
                [pb.AddEpisodesRequest(episode=episode) for episode in episodes],
                timeout=self._timeout_s,
                metadata=(("authorization", f"Bearer {self._token(tenant_id)}"),),
            )
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
                raise errors.Undeliverable(wire.from_rpc(error).reason) from error
            raise


def _episodes(row: ClaimedRow) -> Iterator[episode_pb2.Episode]:
    for said in row.payload["episodes"]:
        yield _episode(row, said)


def _episode(row: ClaimedRow, said: dict[str, Any]) -> episode_pb2.Episode:
    episode = episode_pb2.Episode(
        episode_id=said["episode_id"],
        session_id=row.session_id,
        customer_id=row.payload["customer_id"],
        content=said["text"],
        type=episode_pb2.EPISODE_TYPE_MESSAGE,
        source=episode_pb2.EpisodeSource.Value(f"EPISODE_SOURCE_{said['source']}"),
        metadata={"turn_id": row.payload["turn_id"]},
    )
    episode.occurred_at.FromDatetime(datetime.fromisoformat(said["at"]))
    return episode
