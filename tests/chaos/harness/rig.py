"""Five real services, maybe a second gateway, real servers and a real shop, to be crashed."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import grpc

from focal.turn.v1 import turn_gateway_service_pb2_grpc as gateway_grpc
from focal_cli import admin
from focal_cli.connection import Connection
from focal_cli.local import errors, keeper, mesh, ports, topology
from tests.chaos.harness import customers, evidence, gates, orders
from tests.chaos.harness.customers import Customer
from tests.chaos.harness.shop import Shop
from tests.doubles import channel_adapter
from tests.fakes.until import until

TENANT = "demo"
EXAMPLE = Path(__file__).parents[3] / "examples" / "returns_desk"
GATEWAYS = ("turn_gateway", "turn_gateway-2")
KEYLESS = "voice"
"""The channel whose replies are posted to an adapter that knows no keys, up only while a test has it."""
QUIET_WITHIN_S = 60.0
READY_WITHIN_S = 60.0

CHECK_TRIES = "FOCAL_TOOLBOX__CHECK__TRIES"
ENVIRONMENT: Mapping[str, Mapping[str, str]] = {
    # A short window everywhere, so that bursts join and nothing else waits. The lock limits let a gate
    # hold a statement longer than production would.
    "turn_gateway": {
        "FOCAL_TURN_GATEWAY__ACCUMULATION__MODE": "fixed",
        "FOCAL_TURN_GATEWAY__ACCUMULATION__FIXED_MS": "100",
        "FOCAL_TURN_GATEWAY__DELIVERY__CLAIM_S": "2",
        # Scripted customers write faster than people.
        "FOCAL_TURN_GATEWAY__RATES__ENABLED": "false",
        "FOCAL_TURN_GATEWAY__DELIVERY__TIMEOUT_S": "1.5",
        # A destination that was killed is asked again soon after it is back.
        "FOCAL_TURN_GATEWAY__DELIVERY__RETRY_MAX_S": "2",
        "FOCAL_TURN_GATEWAY__POSTGRES__LOCK_TIMEOUT_MS": "20000",
        "FOCAL_TURN_GATEWAY__POSTGRES__STATEMENT_TIMEOUT_MS": "20000",
        "FOCAL_TURN_GATEWAY__POSTGRES__TRANSACTION_TIMEOUT_MS": "20000",
    },
    "toolbox": {
        # Whoever wants a doubt settled says so; `make soak` lets the toolbox settle them by itself.
        CHECK_TRIES: "0",
        "FOCAL_TOOLBOX__POSTGRES__LOCK_TIMEOUT_MS": "20000",
        "FOCAL_TOOLBOX__POSTGRES__STATEMENT_TIMEOUT_MS": "20000",
        "FOCAL_TOOLBOX__POSTGRES__TRANSACTION_TIMEOUT_MS": "20000",
    },
}

_RESTLESS = """
SELECT
  (SELECT count(*) FROM turns.messages WHERE session_id = ANY($1) AND turn_id IS NULL) AS messages,
  (SELECT count(*) FROM turns.outbox WHERE session_id = ANY($1) AND state = 'PENDING') AS outbox,
  (SELECT count(*) FROM effects.effects WHERE session_id = ANY($1) AND state = 'PREPARED') AS effects
"""


@dataclass
class Rig:
    """A running mesh with its shop; `channels` lead the customers to each gateway, `adapter_port` is where
    the adapter of the channel KEYLESS belongs.
    """

    mesh: mesh.LocalMesh
    shop: Shop
    till: orders.Till
    channels: Mapping[str, grpc.aio.Channel]
    adapter_port: int
    _users: itertools.count[int] = field(default_factory=itertools.count)

    def customer(self, *, gateway: str = GATEWAYS[0], channel: str = customers.CHANNEL) -> Customer:
        """A new customer with an order of their own, who writes to `gateway` first."""
        return Customer(
            user=f"customer-{next(self._users)}",
            order=self.till.fresh(),
            stubs=[gateway_grpc.TurnGatewayServiceStub(channel) for channel in self.channels.values()],
            token=self.connection.token,
            gateway=list(self.channels).index(gateway),
            channel=channel,
        )

    @property
    def connection(self) -> Connection:
        """How the administration reaches this mesh."""
        return Connection(self.mesh.record(), self.mesh.keys, TENANT)

    def kill(self, name: str) -> None:
        """kill -9; the supervisor starts the process again."""
        self.mesh.kill(name)

    async def ready(self, name: str) -> None:
        """Wait until a process is up."""
        await until(lambda: self._phase(name) is keeper.Phase.READY, f"{name} ready", READY_WITHIN_S)

    def _phase(self, name: str) -> keeper.Phase:
        return next(status.phase for status in self.mesh.statuses() if status.name == name)

    async def all_ready(self) -> None:
        """Wait until every process that is not stopped on purpose is up, and customers reach it again."""
        for status in self.mesh.statuses():
            if status.phase is not keeper.Phase.STOPPED:
                await self.ready(status.name)
                if status.name in self.channels:
                    async with asyncio.timeout(READY_WITHIN_S):
                        await self.channels[status.name].channel_ready()

    @asynccontextmanager
    async def frozen(self, name: str) -> AsyncIterator[None]:
        """SIGSTOP in, SIGCONT out."""
        self.mesh.kill(name, signal.SIGSTOP)
        try:
            yield
        finally:
            self.thaw(name)

    def thaw(self, name: str) -> None:
        """SIGCONT; a process that is gone meanwhile needs none."""
        with suppress(errors.NotRunning):
            self.mesh.kill(name, signal.SIGCONT)

    @asynccontextmanager
    async def without(self, name: str) -> AsyncIterator[None]:
        """One process stopped, as for a test with a single gateway."""
        await self.mesh.stop(name)
        try:
            yield
        finally:
            await self.mesh.start(name)

    @asynccontextmanager
    async def closed(self, gate: gates.Gate) -> AsyncIterator[gates.Closed]:
        """A closed gate."""
        async with gates.closed(self.mesh.postgres_url, gate) as gate_closed:
            yield gate_closed

    async def quiet(self, people: Sequence[Customer], timeout_s: float = QUIET_WITHIN_S) -> None:
        """Wait until nothing is left to do for these customers."""
        sessions = {each.session_id for who in people for said in who.said for each in said.acknowledged}
        left: dict[str, int] = {}

        async def done() -> bool:
            left.update(await self.row(_RESTLESS, list(sessions)))
            return not any(left.values())

        try:
            await until(done, "quiet", timeout_s)
        except AssertionError:
            raise AssertionError(f"after {timeout_s} s there is still work: {left}") from None

    async def row(self, query: str, *arguments: object) -> dict[str, int]:
        """One row of a query; empty while the database is away."""
        try:
            connection = await asyncpg.connect(self.mesh.postgres_url, timeout=5)
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return {"postgres": 1}
        try:
            return dict(await connection.fetchrow(query, *arguments) or {})
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return {"postgres": 1}
        finally:
            connection.terminate()

    async def evidence(self, people: Sequence[Customer]) -> evidence.Evidence:
        """What the databases say about these customers."""
        said = [saying for who in people for saying in who.said]
        refunds = self.till.refunds({who.order for who in people})
        return await evidence.gather(self.mesh.postgres_url, self.mesh.redis_url, TENANT, said, refunds)


@asynccontextmanager
async def running(
    root: Path,
    *,
    gateways: Sequence[str] = GATEWAYS,
    env: Mapping[str, Mapping[str, str]] | None = None,
) -> AsyncIterator[Rig]:
    """A mesh in a folder of its own with the example published; `env` adds to ENVIRONMENT, by instance."""
    till = orders.Till.stocked(root / "orders.sqlite")
    shop = Shop.somewhere()
    [adapter_port] = ports.choose()
    services = [name for name in topology.SERVICES if name != "turn_gateway"]
    options = mesh.Options(
        services=[*services, *gateways],
        env=_merged(ENVIRONMENT, shop.environment(), _callback(adapter_port), env or {}),
        extras=[shop.process(till.path)],
        policy=keeper.Policy(steady_after_s=0),  # every crash counts as the first one
    )
    async with mesh.LocalMesh(root, options) as local:
        await gates.install(local.postgres_url)
        async with customers.connected([local.target(name) for name in gateways]) as channels:
            rig = Rig(local, shop, till, dict(zip(gateways, channels, strict=True)), adapter_port)
            await admin.ensure_tenant(rig.connection)
            await admin.publish_to_end(rig.connection, admin.sources(EXAMPLE))
            yield rig


def _callback(port: int) -> dict[str, dict[str, str]]:
    """What the gateways must be told to post the replies of KEYLESS."""
    to = {KEYLESS: {"url": channel_adapter.url(port), "secret": channel_adapter.SECRET}}
    told = {
        "FOCAL_TURN_GATEWAY__CALLBACKS__TO": json.dumps(to),
        "FOCAL_TURN_GATEWAY__CALLBACKS__ALLOW_LOCAL": "true",
        "FOCAL_TURN_GATEWAY__CALLBACKS__TIMEOUT_S": "2",
        "FOCAL_TURN_GATEWAY__CALLBACKS__CLAIM_S": "3",
        "FOCAL_TURN_GATEWAY__CALLBACKS__POLL_S": "0.2",
    }
    return {"turn_gateway": told}


def _merged(*environments: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    merged: dict[str, dict[str, str]] = {}
    for environment in environments:
        for name, values in environment.items():
            merged.setdefault(name, {}).update(values)
    return merged
