"""The registry of tenants."""

from dataclasses import dataclass

from focal_config_watcher import errors
from focal_config_watcher.domain import command
from focal_config_watcher.domain.command import Registration
from focal_config_watcher.domain.tenant import MAX_NAME_CHARS, Tenant, Tier
from focal_config_watcher.ports import Tenants
from focal_kernel import clock as clocks
from focal_kernel import errors as kernel_errors
from focal_kernel import ids


@dataclass(frozen=True)
class Registry:
    """Registers and finds tenants."""

    tenants: Tenants
    clock: clocks.Clock

    async def create(self, tenant_id: str, name: str, tier: Tier, request_id: str) -> Tenant:
        """Register; INVALID_ID, INVALID_FIELD, TENANT_EXISTS, REQUEST_ID_REUSED."""
        ids.check_id(tenant_id, "tenant_id")
        shown = name.strip() or tenant_id
        if len(shown) > MAX_NAME_CHARS:
            description = f"must be at most {MAX_NAME_CHARS} characters"
            raise kernel_errors.InvalidArgument(
                "INVALID_FIELD",
                f"name {description}",
                violations=[kernel_errors.FieldViolation("name", description)],
            )
        request = command.request(request_id, tenant_id, shown, tier)
        return await self.tenants.create(Registration(tenant_id, shown, tier, self.clock.now(), request))

    async def get(self, tenant_id: str) -> Tenant:
        """The tenant; TENANT_NOT_FOUND."""
        found = await self.tenants.get(tenant_id)
        if found is None:
            raise errors.tenant_not_found(tenant_id)
        return found

    async def page(self, after: str, size: int) -> list[Tenant]:
        """Tenants by id, from behind `after`."""
        return await self.tenants.page(after, size)
