from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
import pytest

from focal.memory.v1 import episode_pb2
from focal.memory.v1 import memory_service_pb2 as pb
from focal.memory.v1 import memory_service_pb2_grpc as api
from focal_kernel import errors as kernel_errors
from focal_service_kit import identity
from focal_service_kit.host import Host
from focal_turn_gateway import errors
from focal_turn_gateway.adapters.destinations.memory import MemoryEpisodes
from focal_turn_gateway.core.close_turn import outbox_rows
from focal_turn_gateway.core.reply_format import Formatted
from focal_turn_gateway.domain.channels import Policy
from focal_turn_gateway.domain.turns import TurnStatus, closed
from focal_turn_gateway.ports.delivery import ClaimedRow
from tests.fakes import in_process
from tests.fakes.turn_gateway import NOW, attempt, message, result


class Memory(api.MemoryServiceServicer):
    """Takes episodes by tenant, or fails with `failure`."""

    def __init__(self) -> None:
        self.episodes: dict[str, list[episode_pb2.Episode]] = {}
        self.failure: Exception | None = None

    async def AddEpisodes(self, request_iterator: Any, context: Any) -> pb.AddEpisodesResponse:  # noqa: N802
        if self.failure:
            raise self.failure
        owned = self.episodes.setdefault(identity.tenant(), [])
        async for request in request_iterator:
            owned.append(request.episode)
        return pb.AddEpisodesResponse()


class Place:
    def __init__(self, memory: Memory, running: in_process.Running) -> None:
        self.memory = memory

        def token(tenant_id: str) -> str:
            return running.deployment.internal_token("memory", tenant_id=tenant_id)

        self.destination = MemoryEpisodes(running.channel(), token, timeout_s=5)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    memory = Memory()

    async def build(host: Host) -> None:
        api.add_MemoryServiceServicer_to_server(memory, host.server)

    async with in_process.serving("memory", build) as running:
        yield Place(memory, running)


def row(tenant_id: str = "acme") -> ClaimedRow:
    ran = attempt(message(1, "hello"))
    turn = closed(ran, result("msg_1"), TurnStatus.COMPLETE)
    [owed] = outbox_rows(ran, turn, Formatted((), Policy()), ran.messages, frozenset({"memory"}))
    return ClaimedRow(1, tenant_id, "ses_1", owed.dedupe_key, owed.payload, 1, NOW)


async def test_both_sides_of_a_turn_become_episodes(place: Place) -> None:
    await place.destination.deliver([row()])
    said, reply = place.memory.episodes["acme"]
    assert (said.episode_id, said.content, said.source) == (
        "msg_1",
        "hello",
        episode_pb2.EPISODE_SOURCE_USER,
    )
    assert (reply.content, reply.source) == ("good day", episode_pb2.EPISODE_SOURCE_AGENT)
    assert (said.session_id, said.customer_id, said.metadata["turn_id"]) == ("ses_1", "cus_1", "trn_1")
    assert said.occurred_at.ToDatetime(NOW.tzinfo) == NOW


async def test_each_tenant_gets_its_own(place: Place) -> None:
    await place.destination.deliver([row("acme"), row("umbrella"), row("acme")])
    assert {tenant: len(owned) for tenant, owned in place.memory.episodes.items()} == {
        "acme": 4,
        "umbrella": 2,
    }


async def test_an_episode_that_memory_refuses_can_never_be_delivered(place: Place) -> None:
    place.memory.failure = kernel_errors.InvalidArgument("TEXT_TOO_LONG", "too long")
    with pytest.raises(errors.Undeliverable, match="TEXT_TOO_LONG"):
        await place.destination.deliver([row()])


async def test_a_memory_that_is_away_is_tried_again(place: Place) -> None:
    place.memory.failure = kernel_errors.Unavailable("DEPENDENCY_UNAVAILABLE", "away")
    with pytest.raises(grpc.aio.AioRpcError):
        await place.destination.deliver([row()])
