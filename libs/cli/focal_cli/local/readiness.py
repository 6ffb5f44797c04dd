"""How we know that a process is ready. Probes answer False to whatever goes wrong."""

import asyncio
from collections.abc import Awaitable, Callable

import grpc
import httpx
from grpc_health.v1 import health_pb2

from focal_cli.local import children, postgres, valkey
from focal_client import channels

PROBE_TIMEOUT_S = 1.0

Probe = Callable[[children.Child], Awaitable[bool]]


def of_postgres(cluster: postgres.Cluster) -> Probe:
    """PostgreSQL accepts connections."""

    async def probe(child: children.Child) -> bool:
        return cluster.is_ready(child.pid)

    return probe


def of_valkey(store: valkey.Store, port: int) -> Probe:
    """Valkey answers."""

    async def probe(_: children.Child) -> bool:
        return await asyncio.to_thread(store.is_ready, port)

    return probe


def of_service(target: str, tls: channels.Tls | None = None) -> Probe:
    """The service's health, which includes what it depends on, is SERVING."""

    async def probe(_: children.Child) -> bool:
        async with channels.channel(target, tls) as channel:
            check = channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
                response_deserializer=health_pb2.HealthCheckResponse.FromString,
            )
            try:
                answer = await check(health_pb2.HealthCheckRequest(), timeout=PROBE_TIMEOUT_S)
            except grpc.aio.AioRpcError:
                return False
        return answer.status == health_pb2.HealthCheckResponse.SERVING

    return probe


def of_http(url: str) -> Probe:
    """A GET of this address is answered with success."""

    async def probe(_: children.Child) -> bool:
        async with httpx.AsyncClient(timeout=PROBE_TIMEOUT_S, trust_env=False) as client:
            try:
                return (await client.get(url)).is_success
            except httpx.HTTPError:
                return False

    return probe
