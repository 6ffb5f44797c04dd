"""The local mesh as one object: servers, services and extra processes in a folder.

``focal up``, the mesh and crash tests and the benchmarks all run this::

    async with mesh.LocalMesh(Path(".focal")) as local:
        local.target("turn_gateway")
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from focal_cli.local import (
    errors,
    keeper,
    keys,
    ports,
    postgres,
    readiness,
    supervisor,
    topology,
    valkey,
)
from focal_cli.local.home import Home, Record
from focal_client.channels import Tls

POSTGRES, VALKEY = "postgres", "valkey"
DEFAULT_POLICY = keeper.Policy()


@dataclass(frozen=True)
class Options:
    """What a mesh is made of.

    ``services`` names instances (``turn_gateway-2`` is a second gateway); ``ports`` fixes gRPC
    ports, or those of ``postgres`` and ``valkey``; ``env`` adds environment by instance or service
    name. ``extras`` start with the services; ``addresses`` are kept in the record for other
    commands. ``tls`` is how to reach services that ``env`` makes encrypt. ``durable=False`` is for
    tests that never crash a server. Servers named in ``postgres_url`` and ``redis_url``, or in the
    environment (FOCAL_POSTGRES_URL, FOCAL_REDIS_URL), replace embedded ones.
    """

    services: Sequence[str] = topology.SERVICES
    ports: Mapping[str, int] = field(default_factory=dict)
    env: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    extras: Sequence[keeper.Process] = ()
    addresses: Mapping[str, str] = field(default_factory=dict)
    policy: keeper.Policy = DEFAULT_POLICY
    durable: bool = True
    tls: Tls | None = None
    postgres_url: str = ""
    redis_url: str = ""


class LocalMesh:
    """A running mesh; use it as an async context manager, from the main thread."""

    def __init__(
        self,
        root: Path,
        options: Options | None = None,
        announce: Callable[[keeper.Status], None] = supervisor.ignore,
    ) -> None:
        self.home = Home(root.absolute())
        self.keys = keys.KeyRing(self.home.keys)
        self._options = options or Options()
        self._announce = announce
        self._stack = contextlib.AsyncExitStack()
        self._processes: list[keeper.Process] = []

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(self.home.hold())
            await asyncio.to_thread(self._prepare)
            self._supervisor = supervisor.Supervisor(
                self._processes, self.home.logs, self._options.policy, self._on_change
            )
            stack.push_async_callback(self._supervisor.stop)
            await self._supervisor.start()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    @property
    def postgres_url(self) -> str:
        """Where the services' database is."""
        return self._servers.postgres_url

    @property
    def redis_url(self) -> str:
        """Where the services' Redis is."""
        return self._servers.redis_url

    def target(self, name: str) -> str:
        """The gRPC target of an instance."""
        return self._addresses.target(name)

    def metrics(self, name: str) -> str:
        """The URL of an instance's Prometheus page."""
        return f"http://{ports.LOOPBACK}:{self._addresses.metrics[name]}/metrics"

    def pid(self, name: str) -> int:
        """The pid of a running process; raises NotRunning while it is down."""
        if (pid := self._supervisor.status(name).pid) is None:
            raise errors.NotRunning(f"{name} is not running")
        return pid

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal, by default the deadly one; returns the pid that got it."""
        pid = self.pid(name)
        self._supervisor.send(name, number)
        return pid

    async def stop(self, name: str) -> None:
        """Stop one process as a deployment would, and leave it stopped."""
        await self._supervisor.stop_one(name)

    async def start(self, name: str) -> None:
        """Start a stopped process and wait until it is ready."""
        await self._supervisor.start_one(name)

    async def until_replaced(self, name: str, pid: int) -> None:
        """Wait until the process that had this pid has a ready successor."""
        await self._supervisor.until_replaced(name, pid)

    def statuses(self) -> list[keeper.Status]:
        """What is known of every process, in their order of start."""
        return self._supervisor.statuses()

    def record(self) -> Record:
        """What other commands must know to use this mesh."""
        addresses = self._addresses
        return Record(
            pid=os.getpid(),
            targets={name: addresses.target(name) for name in self._options.services},
            metrics={name: self.metrics(name) for name in self._options.services},
            postgres_url=self.postgres_url,
            redis_url=self.redis_url,
            pids={status.name: status.pid for status in self.statuses() if status.pid},
            addresses=dict(self._options.addresses),
        )

    def _on_change(self, status: keeper.Status) -> None:
        self.home.publish(self.record())
        self._announce(status)

    def _prepare(self) -> None:
        options = self._options
        self._check_ports(options.ports)
        self.keys.ensure()
        names = [POSTGRES, VALKEY, *options.services]
        self._addresses = topology.choose_addresses(names, options.ports)
        self._servers = topology.Servers(self._prepare_postgres(), self._prepare_valkey())
        servers = tuple(process.name for process in self._processes)
        self._processes += [self._service(name, servers) for name in options.services]
        self._processes += options.extras

    def _check_ports(self, wanted: Mapping[str, int]) -> None:
        names = (*self._options.services, POSTGRES, VALKEY)
        for name, port in wanted.items():
            if name not in names:
                raise errors.LocalError(f"there is no {name} to give a port", f"One of {', '.join(names)}.")
            if list(wanted.values()).count(port) > 1:
                raise errors.LocalError(f"port {port} is wanted twice", "Give each process its own.")
            if not ports.is_free(port):
                raise errors.ServerFailed(
                    f"port {port}, wanted for {name}, is taken", "Choose another, or none at all."
                )

    def _prepare_postgres(self) -> str:
        options = self._options
        if url := options.postgres_url or os.environ.get("FOCAL_POSTGRES_URL"):
            return url
        cluster = postgres.prepare(self.home.data / POSTGRES)
        port = self._addresses.port[POSTGRES]
        command = cluster.command(port, durable=options.durable)
        probe = readiness.of_postgres(cluster)
        self._processes.append(keeper.Process(POSTGRES, command, probe))
        return cluster.url(port)

    def _prepare_valkey(self) -> str:
        options = self._options
        if url := options.redis_url or os.environ.get("FOCAL_REDIS_URL"):
            return url
        store = valkey.prepare(self.home.data / VALKEY)
        port = self._addresses.port[VALKEY]
        command = store.command(port, durable=options.durable)
        probe = readiness.of_valkey(store, port)
        self._processes.append(keeper.Process(VALKEY, command, probe))
        return store.url(port)

    def _service(self, name: str, after: tuple[str, ...]) -> keeper.Process:
        env = self._options.env
        extra = {**env.get(topology.service_of(name), {}), **env.get(name, {})}
        command = topology.command(name, self._addresses, self._servers, self.keys, extra)
        probe = readiness.of_service(self.target(name), self._options.tls)
        return keeper.Process(name, command, probe, after)
