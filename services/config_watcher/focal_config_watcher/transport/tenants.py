"""`focal.config.v1.TenantService`."""

# ruff: noqa: N802 - the contract names the methods

from typing import Any

import grpc

from focal.config.v1 import tenant_service_pb2 as messages
from focal.config.v1 import tenant_service_pb2_grpc
from focal_config_watcher.core.tenants import Registry
from focal_config_watcher.transport import codec, requests
from focal_kernel import errors
from focal_service_kit import identity, pages

Context = grpc.aio.ServicerContext[Any, Any]

_LIST = "tenants"


class TenantServicer(tenant_service_pb2_grpc.TenantServiceServicer):
    """The registry of tenants; operators write, services may read."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def CreateTenant(
        self, request: messages.CreateTenantRequest, context: Context
    ) -> messages.CreateTenantResponse:
        _require(identity.Kind.OPERATOR)
        tier = codec.tier_from_proto(request.tier)
        if tier is None:
            raise requests.invalid("tier", "is unknown")
        tenant = await self._registry.create(
            request.tenant_id,
            requests.note(request.name, "name"),
            tier,
            requests.request_id(request.request_id),
        )
        return messages.CreateTenantResponse(tenant=codec.tenant(tenant))

    async def GetTenant(
        self, request: messages.GetTenantRequest, context: Context
    ) -> messages.GetTenantResponse:
        tenant = await self._registry.get(identity.tenant(request.tenant_id))
        return messages.GetTenantResponse(tenant=codec.tenant(tenant))

    async def ListTenants(
        self, request: messages.ListTenantsRequest, context: Context
    ) -> messages.ListTenantsResponse:
        _require(identity.Kind.OPERATOR, identity.Kind.INTERNAL)
        size = pages.size(request.page_size)
        after = pages.position(request.page_token, _LIST)
        found = await self._registry.page(after, size + 1)
        return messages.ListTenantsResponse(
            tenants=[codec.tenant(tenant) for tenant in found[:size]],
            next_page_token=(pages.token(found[size - 1].tenant_id, _LIST) if len(found) > size else ""),
        )


def _require(*kinds: identity.Kind) -> None:
    """The registry is about all tenants, so no role within one tenant suffices."""
    if identity.current().kind not in kinds:
        raise errors.PermissionDenied(
            "INSUFFICIENT_PERMISSIONS",
            "only operators may do this",
            metadata={"required": "operator"},
        )
