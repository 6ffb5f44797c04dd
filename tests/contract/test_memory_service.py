"""What memory takes in, refuses and forgets, over real gRPC and real PostgreSQL."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import asyncpg
import grpc
import grpc.aio
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2

from focal.memory.v1 import customer_data_service_pb2 as customer_api
from focal.memory.v1 import customer_data_service_pb2_grpc, episode_pb2
from focal.memory.v1 import memory_service_pb2 as api
from focal_embedding import EmbeddingSettings
from focal_kernel.errors import FocalError
from focal_memory import reembed
from focal_memory.settings import IngestSettings
from focal_service_kit import errors
from tests.fakes import in_process, memory_server, until
from tests.fakes.memory_server import episode, moment

pytestmark = pytest.mark.migrated("focal_memory")


async def _refusal(call: Awaitable[Any]) -> tuple[grpc.StatusCode, FocalError]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), errors.from_rpc(caught.value)


async def _count(database: str) -> int:
    connection = await asyncpg.connect(database)
    try:
        rows = "(SELECT count(*) FROM memory.episode) + (SELECT count(*) FROM memory.episode_vector)"
        count: int = await connection.fetchval(f"SELECT {rows}")
        return count
    finally:
        await connection.close()


async def test_a_stream_sent_twice_is_stored_once(database: str) -> None:
    async with memory_server.serving(database) as running:
        memory = memory_server.client(running)
        stream = [episode(f"e{n}", f"parcel {n}") for n in range(5)]
        first, second = await memory.add(*stream), await memory.add(*stream, episode("e5", "new"))
        assert (first.stored, first.duplicates) == (5, 0)
        assert (second.stored, second.duplicates) == (1, 5)
        assert len(await memory.recall("parcel", customer_id="c1")) == 6


async def test_an_empty_stream_stores_nothing_and_is_no_error(database: str) -> None:
    async with memory_server.serving(database) as running:
        response = await memory_server.client(running).add()
        assert (response.stored, response.duplicates) == (0, 0)


@pytest.mark.parametrize(
    ("bad", "reason", "field"),
    [
        (episode("a:b", "text"), "INVALID_ID", "episode_id"),
        (episode("e2", "text", session_id=""), "INVALID_ID", "session_id"),
        (episode("e2", "text", customer_id="c\n"), "INVALID_ID", "customer_id"),
        (episode("e2", " "), "EMPTY_TEXT", "content"),
        (episode("e2", "x" * 1_000_000), "TEXT_TOO_LONG", "content"),
        (episode("e2", "nul \x00"), "INVALID_FIELD", "content"),
        (episode("e2", "text", metadata={"k": "v" * 300}), "INVALID_FIELD", "metadata"),
        (episode("e2", "text", type=42), "INVALID_FIELD", "type"),
        (episode("e2", "text", valid_to=moment(2024)), "INVALID_FIELD", "valid_to"),
        (episode("e2", "text", occurred_at=Timestamp(seconds=10**12)), "INVALID_FIELD", "occurred_at"),
        (episode_pb2.Episode(), "INVALID_ID", "episode_id"),
    ],
)
async def test_one_bad_episode_is_named_and_nothing_of_its_stream_is_stored(
    database: str, bad: episode_pb2.Episode, reason: str, field: str
) -> None:
    async with memory_server.serving(database) as running:
        memory = memory_server.client(running)
        code, error = await _refusal(memory.add(episode("e1", "good"), bad, episode("e3", "good")))
        assert (code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
        assert error.metadata["index"] == "1"
        assert error.metadata["episode_id"] == bad.episode_id
        assert error.violations[0].field == f"episodes[1].{field}"
        assert await _count(database) == 0


async def test_a_stream_that_breaks_off_stores_nothing(database: str) -> None:
    async with memory_server.serving(database) as running:
        call = memory_server.client(running).stub.AddEpisodes(timeout=5)
        await call.write(api.AddEpisodesRequest(episode=episode("e1", "good")))
        await until.until(lambda: _in_flight(running) == 1, "the stream has arrived")
        call.cancel()
        await until.until(lambda: _in_flight(running) == 0, "the stream has ended")
        assert await _count(database) == 0


def _in_flight(running: in_process.Running) -> float | None:
    return running.host.metrics.get_sample_value("focal_rpc_in_flight")


async def test_a_stream_over_the_limit_says_how_much_one_may_carry(database: str) -> None:
    async with memory_server.serving(database, ingest=IngestSettings(stream_episodes=2)) as running:
        memory = memory_server.client(running)
        code, error = await _refusal(memory.add(*(episode(f"e{n}", "text") for n in range(3))))
        assert (code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
        assert error.metadata["limit"] == "2"
        assert await _count(database) == 0


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (api.RecallRequest(query="parcel"), "INVALID_FIELD"),
        (api.RecallRequest(query="", customer_id="c1"), "EMPTY_TEXT"),
        (api.RecallRequest(query="x" * 10_001, customer_id="c1"), "TEXT_TOO_LONG"),
        (api.RecallRequest(query="parcel", customer_id="a:b"), "INVALID_ID"),
        (api.RecallRequest(query="parcel", session_id="\x00"), "INVALID_ID"),
        (api.RecallRequest(query="parcel", customer_id="c1", limit=51), "INVALID_FIELD"),
        (
            api.RecallRequest(query="parcel", customer_id="c1", valid_at=Timestamp(seconds=10**12)),
            "INVALID_FIELD",
        ),
    ],
)
async def test_a_question_that_cannot_be_answered_is_refused(
    database: str, request_: api.RecallRequest, reason: str
) -> None:
    async with memory_server.serving(database) as running:
        code, error = await _refusal(memory_server.client(running).stub.Recall(request_, timeout=5))
        assert (code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)


@pytest.mark.parametrize(
    "query", ["'", "\\", "a & b | !c", "x:* <-> y", "\x00", "😀", "' OR 1=1 --", "?!", "�", "a" * 10_000]
)
async def test_any_text_may_be_asked(database: str, query: str) -> None:
    async with memory_server.serving(database) as running:
        memory = memory_server.client(running)
        await memory.add(episode("e1", "some text"))
        assert await memory.found(query, customer_id="c1") == ["e1"]


async def test_a_caller_without_credentials_gets_nothing(database: str) -> None:
    async with memory_server.serving(database) as running, grpc.aio.insecure_channel(running.target) as bare:
        code, _ = await _refusal(memory_server.Client(bare).recall("parcel", customer_id="c1"))
        assert code == grpc.StatusCode.UNAUTHENTICATED


async def test_only_admins_and_services_forget(database: str) -> None:
    async with memory_server.serving(database) as running:
        await memory_server.client(running).add(episode("e1", "parcel"))
        code, error = await _refusal(memory_server.client(running, roles=["editor"]).forget("s1"))
        assert (code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "INSUFFICIENT_PERMISSIONS")
        internal = memory_server.Client(running.channel(running.deployment.internal_token("memory")))
        assert await internal.forget("s1") == {"episodes": 1, "vectors": 1}


async def test_an_operator_names_the_tenant_and_nobody_else_may_name_another(database: str) -> None:
    async with memory_server.serving(database) as running:
        await memory_server.client(running).add(episode("e1", "parcel"))
        request = api.DeleteGroupRequest(session_id="s1", tenant_id="acme")
        rival = memory_server.client(running, "rival").stub
        code, error = await _refusal(rival.DeleteGroup(request, timeout=5))
        assert (code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "TENANT_MISMATCH")
        operator = memory_server.Client(running.channel(running.deployment.operator_token())).stub
        code, error = await _refusal(operator.DeleteGroup(api.DeleteGroupRequest(session_id="s1"), timeout=5))
        assert (code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
        assert (await operator.DeleteGroup(request, timeout=5)).deleted["episodes"] == 1


async def test_forgetting_is_complete_and_can_be_repeated(database: str) -> None:
    async with memory_server.serving(database) as running:
        memory = memory_server.client(running)
        stream = [episode(f"e{n}", "parcel") for n in range(3)]
        await memory.add(*stream)
        assert await memory.forget("s1") == {"episodes": 3, "vectors": 3}
        assert await memory.forget("s1") == {"episodes": 0, "vectors": 0}
        assert await _count(database) == 0
        assert (await memory.add(*stream)).stored == 0
        code, error = await _refusal(memory.forget("s:1"))
        assert (code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ID")


async def test_what_this_release_lacks_says_so(database: str) -> None:
    async with memory_server.serving(database) as running:
        stub = memory_server.client(running).stub
        customers = customer_data_service_pb2_grpc.CustomerDataServiceStub(running.channel())
        calls: list[Awaitable[Any]] = [
            stub.Traverse(api.TraverseRequest(), timeout=5),
            stub.GetEntity(api.GetEntityRequest(), timeout=5),
            stub.ListEntities(api.ListEntitiesRequest(), timeout=5),
            stub.AsOf(api.AsOfRequest(), timeout=5),
            customers.GetProfile(customer_api.GetProfileRequest(), timeout=5),
            customers.UpdateFields(customer_api.UpdateFieldsRequest(), timeout=5),
            customers.LinkIdentity(customer_api.LinkIdentityRequest(), timeout=5),
            customers.MergeCustomers(customer_api.MergeCustomersRequest(), timeout=5),
            customers.ListMissingFields(customer_api.ListMissingFieldsRequest(), timeout=5),
            customers.ListFieldDefinitions(customer_api.ListFieldDefinitionsRequest(), timeout=5),
        ]
        for call in calls:
            code, error = await _refusal(call)
            assert (code, error.reason) == (grpc.StatusCode.UNIMPLEMENTED, "NOT_IMPLEMENTED")


async def test_another_embedding_model_stops_the_service_until_everything_is_embedded_again(
    database: str,
) -> None:
    async with memory_server.serving(database) as running:
        await memory_server.client(running).add(*(episode(f"e{n}", f"parcel {n}") for n in range(5)))
    other = EmbeddingSettings(dimensions=128)
    async with memory_server.serving(database, embedding=other) as running:
        memory = memory_server.client(running)
        for call in (memory.add(episode("new", "text")), memory.recall("parcel", customer_id="c1")):
            code, error = await _refusal(call)
            assert (code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "EMBEDDING_MISMATCH")
        await _health(running.target, "NOT_SERVING")

        chosen = memory_server.settings_for(database, embedding=other)
        assert await reembed.run(chosen) == 5
        assert await reembed.run(chosen) == 0

        await _health(running.target, "SERVING")
        assert (await memory.recall("parcel 3", customer_id="c1"))[0].vector_rank == 1


async def _health(target: str, expected: str) -> None:
    request = health_pb2.HealthCheckRequest(service="focal.memory.v1.MemoryService")
    async with grpc.aio.insecure_channel(target) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )

        async def reached() -> bool:
            response = await check(request, timeout=10)
            return health_pb2.HealthCheckResponse.ServingStatus.Name(response.status) == expected

        await until.until(reached, f"health is {expected}", timeout_s=10)
