"""Memory over real gRPC on a database of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp

from focal.memory.v1 import episode_pb2
from focal.memory.v1 import memory_service_pb2 as api
from focal.memory.v1 import memory_service_pb2_grpc as api_grpc
from focal_memory import app
from focal_memory.settings import MemorySettings
from focal_service_kit import postgres, settings
from tests.fakes import in_process


def settings_for(database: str, **sections: Any) -> MemorySettings:
    """Settings on `database`; `sections` replace whole sections."""
    given: dict[str, Any] = {
        "postgres": settings.PostgresSettings(url=database, pool_max=4),
        "grpc": settings.GrpcSettings(),
        "metrics": settings.MetricsSettings(),
        "drain": settings.DrainSettings(grace_s=0.2),
    }
    return MemorySettings(**{**given, **sections})


@asynccontextmanager
async def serving(database: str, **sections: Any) -> AsyncIterator[in_process.Running]:
    """The whole service on `database`."""
    chosen = settings_for(database, **sections)
    async with in_process.serving(
        "memory",
        lambda host: app.build(chosen, host),
        chosen=chosen,
        translators=(postgres.translate,),
    ) as running:
        yield running


class Client:
    """What a caller of one tenant does."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.stub = api_grpc.MemoryServiceStub(channel)

    async def add(self, *episodes: episode_pb2.Episode) -> api.AddEpisodesResponse:
        requests = [api.AddEpisodesRequest(episode=episode) for episode in episodes]
        return await self.stub.AddEpisodes(iter(requests), timeout=60)

    async def recall(self, query: str, **scope: Any) -> list[episode_pb2.RecalledEpisode]:
        response = await self.stub.Recall(api.RecallRequest(query=query, **scope), timeout=5)
        return list(response.episodes)

    async def found(self, query: str, **scope: Any) -> list[str]:
        """The ids recalled, best first."""
        return [recalled.episode.episode_id for recalled in await self.recall(query, **scope)]

    async def forget(self, session_id: str) -> dict[str, int]:
        response = await self.stub.DeleteGroup(api.DeleteGroupRequest(session_id=session_id), timeout=5)
        return dict(response.deleted)


def client(running: in_process.Running, tenant: str = "acme", roles: Iterable[str] = ("admin",)) -> Client:
    """A client of `tenant` with `roles`."""
    return Client(running.channel(running.deployment.tenant_token(tenant, roles=roles)))


def episode(episode_id: str, content: str, **fields: Any) -> episode_pb2.Episode:
    """An episode of session `s1` and customer `c1` of 2025 unless `fields` say otherwise."""
    given: dict[str, Any] = {
        "session_id": "s1",
        "customer_id": "c1",
        "source": episode_pb2.EPISODE_SOURCE_USER,
        "occurred_at": moment(2025),
    }
    return episode_pb2.Episode(episode_id=episode_id, content=content, **{**given, **fields})


def moment(year: int, month: int = 1, day: int = 1) -> Timestamp:
    """Midnight in UTC."""
    stamp = Timestamp()
    stamp.FromDatetime(datetime(year, month, day, tzinfo=UTC))
    return stamp
