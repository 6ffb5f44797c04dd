"""Per-dependency readiness behind the standard gRPC health service.

Health names: each served service and "" (all of them) are SERVING only while every required
dependency answers; `dependency/<name>` tells about one. The metrics page shows the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc.aio
import prometheus_client
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from focal_service_kit import logging, settings, tasks

Check = Callable[[], Awaitable[None]]

OVERALL = ""
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

_log = logging.get("health")


@dataclass(slots=True)
class Dependency:
    """One thing this process needs; `ready` is None until the first check ended."""

    name: str
    check: Check
    required: bool
    ready: bool | None = None


class Readiness:
    """Knows what this process serves and needs, and keeps the health service true."""

    def __init__(
        self, chosen: settings.HealthSettings, registry: prometheus_client.CollectorRegistry
    ) -> None:
        self._chosen = chosen
        self._services: set[str] = {OVERALL}
        self._dependencies: list[Dependency] = []
        self._servicer = health.aio.HealthServicer()
        self._up = prometheus_client.Gauge(
            "focal_dependency_up", "1 while the dependency answers", ["dependency"], registry=registry
        )

    @property
    def services(self) -> frozenset[str]:
        """The full names of the services that this process serves."""
        return frozenset(self._services - {OVERALL})

    def serves(self, *names: str) -> None:
        """Add gRPC services whose health follows the required dependencies."""
        self._services.update(names)

    def needs(self, name: str, check: Check, *, required: bool = True) -> None:
        """Add a dependency; `check` raises while it is away."""
        self._dependencies.append(Dependency(name, check, required))

    async def register(self, server: grpc.aio.Server) -> None:
        """Serve health, NOT_SERVING until the first round of checks."""
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)
        for name in self._services:
            await self._servicer.set(name, _NOT_SERVING)

    async def watch(self) -> None:
        """Check every dependency again and again, each at its own pace; runs until cancelled."""
        await self._publish()
        watches = {f"readiness:{one.name}": self._watch(one) for one in self._dependencies}
        if watches:
            await tasks.together(**watches)

    async def refuse(self) -> None:
        """NOT_SERVING for good: the process is draining."""
        await self._servicer.enter_graceful_shutdown()

    async def _watch(self, dependency: Dependency) -> None:
        while True:
            await self._look(dependency)
            await asyncio.sleep(
                self._chosen.interval_s if dependency.ready else self._chosen.failing_interval_s
            )

    async def _look(self, dependency: Dependency) -> None:
        failure = await self._failure(dependency)
        ready = failure is None
        if ready == dependency.ready:
            return
        dependency.ready = ready
        self._up.labels(dependency.name).set(ready)
        if failure is None:
            _log.info("dependency ready", dependency=dependency.name)
        else:
            _log.warning("dependency away", dependency=dependency.name, error=repr(failure))
        await self._publish()

    async def _failure(self, dependency: Dependency) -> Exception | None:
        try:
            async with asyncio.timeout(self._chosen.timeout_s):
                await dependency.check()
        except Exception as error:  # noqa: BLE001 - whatever a check raises means: away
            return error
        return None

    async def _publish(self) -> None:
        for dependency in self._dependencies:
            await self._servicer.set(f"dependency/{dependency.name}", _status(dependency.ready))
        ready = all(dependency.ready for dependency in self._dependencies if dependency.required)
        for name in self._services:
            await self._servicer.set(name, _status(ready))


def _status(ready: bool | None) -> Any:
    return _SERVING if ready else _NOT_SERVING
