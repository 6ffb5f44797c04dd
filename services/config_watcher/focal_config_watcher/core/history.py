"""Earlier versions: listing them and going back to one."""

from dataclasses import dataclass

from focal_config_watcher.core.distribution import Distributor
from focal_config_watcher.core.tenants import Registry
from focal_config_watcher.domain.command import Move
from focal_config_watcher.domain.version import AgentKey, Pointer, VersionRecord
from focal_config_watcher.ports import Versions


@dataclass(frozen=True)
class History:
    """Versions of agents."""

    registry: Registry
    versions: Versions
    distributor: Distributor

    async def roll_back(self, move: Move) -> Pointer:
        """Make an earlier version current and tell everybody.

        TENANT_NOT_FOUND, AGENT_NOT_FOUND, VERSION_NOT_FOUND, REQUEST_ID_REUSED.
        """
        await self.registry.get(move.key.tenant_id)
        pointer = await self.versions.move(move)
        await self.distributor.distribute(pointer)
        return pointer

    async def of_agent(self, key: AgentKey, below: int, size: int) -> list[VersionRecord]:
        """An agent's versions, newest first, with numbers under `below`; TENANT_NOT_FOUND."""
        await self.registry.get(key.tenant_id)
        return await self.versions.history(key, below, size)

    async def current(self, tenant_id: str, after: str, size: int) -> list[VersionRecord]:
        """The current version of each agent, by agent id from behind `after`; TENANT_NOT_FOUND."""
        await self.registry.get(tenant_id)
        return await self.versions.current(tenant_id, after, size)
