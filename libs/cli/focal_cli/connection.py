"""How commands reach a running mesh: its record and its keys give targets and tokens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from focal_cli.local import home, keys
from focal_client import FocalClient, channels

ADMIN_ROLES = ("admin",)


@dataclass(frozen=True)
class Connection:
    """A mesh, and whom we speak for."""

    record: home.Record
    ring: keys.KeyRing
    tenant: str
    tls: channels.Tls | None = None

    def token(self) -> str:
        """A fresh token of an administrator of the tenant."""
        return self.ring.tenant_token(self.tenant, roles=ADMIN_ROLES)

    def operator_token(self) -> str:
        """A fresh token of an operator, who belongs to no tenant."""
        return self.ring.operator_token()

    def client(self) -> FocalClient:
        """A client of the gateway."""
        return FocalClient.connect(self.record.targets["turn_gateway"], token=self.token, tls=self.tls)

    @asynccontextmanager
    async def channel(self, service: str) -> AsyncIterator[grpc.aio.Channel]:
        """A channel to one service."""
        async with channels.channel(self.record.targets[service], self.tls) as channel:
            yield channel


def of(root: Path, tenant: str) -> Connection:
    """The connection to the mesh that runs in a folder; raises NotRunning."""
    place = home.Home(root)
    return Connection(place.running(), keys.KeyRing(place.keys), tenant)
