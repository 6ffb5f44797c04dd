"""`focal.config.v1.ToolCatalogueService`."""

# ruff: noqa: N802 - the contract names the methods

from typing import Any

import grpc

from focal.config.v1 import tool_catalogue_service_pb2 as messages
from focal.config.v1 import tool_catalogue_service_pb2_grpc, tool_definition_pb2, version_pb2
from focal_config_watcher.core.cataloguing import Catalogue, Writing
from focal_config_watcher.domain.catalogue import PLATFORM, Tier
from focal_config_watcher.domain.sources import SourceFile
from focal_config_watcher.transport import catalogue_codec, codec, requests
from focal_kernel import errors, ids
from focal_service_kit import identity, pages

Context = grpc.aio.ServicerContext[Any, Any]

_WRITERS = ("admin",)
_LIST = "catalogue"


class ToolCatalogueServicer(tool_catalogue_service_pb2_grpc.ToolCatalogueServiceServicer):
    """Operators write the platform's catalogue, a tenant's admins the tenant's; both read both they may."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def ListCatalogueTools(
        self, request: messages.ListCatalogueToolsRequest, context: Context
    ) -> messages.ListCatalogueToolsResponse:
        tenant_id = _read(request.tier)
        size = pages.size(request.page_size)
        after = pages.position(request.page_token, _LIST, tenant_id)
        found = await self._catalogue.page(tenant_id, after, size + 1)
        return messages.ListCatalogueToolsResponse(
            tools=map(catalogue_codec.tool, found[:size]),
            next_page_token=(
                pages.token(found[size - 1].entry.name, _LIST, tenant_id) if len(found) > size else ""
            ),
        )

    async def GetCatalogueTool(
        self, request: messages.GetCatalogueToolRequest, context: Context
    ) -> messages.GetCatalogueToolResponse:
        tenant_id = _read(request.tier)
        found = await self._catalogue.get(tenant_id, ids.check_id(request.name, "name"))
        return messages.GetCatalogueToolResponse(tool=catalogue_codec.tool(found))

    async def PutCatalogueTools(
        self, request: messages.PutCatalogueToolsRequest, context: Context
    ) -> messages.PutCatalogueToolsResponse:
        writing = _writing(request.tier, request.request_id)
        outcome = await self._catalogue.put(
            writing, _source(request.source, "tools.yaml"), dict(request.etags)
        )
        return messages.PutCatalogueToolsResponse(
            tools=map(catalogue_codec.tool, outcome.stocked), problems=codec.problems(outcome.problems)
        )

    async def AdoptCatalogueTool(
        self, request: messages.AdoptCatalogueToolRequest, context: Context
    ) -> messages.AdoptCatalogueToolResponse:
        writing = _writing(tool_definition_pb2.TOOL_TIER_TENANT, request.request_id)
        name = ids.check_id(request.name, "name")
        source = _source(request.source, "changes.yaml")
        outcome = await self._catalogue.adopt(writing, name, source, request.etag)
        tools = [catalogue_codec.tool(found) for found in outcome.stocked]
        return messages.AdoptCatalogueToolResponse(
            tool=tools[0] if tools else None, problems=codec.problems(outcome.problems)
        )

    async def DeleteCatalogueTool(
        self, request: messages.DeleteCatalogueToolRequest, context: Context
    ) -> messages.DeleteCatalogueToolResponse:
        writing = _writing(request.tier, request.request_id)
        await self._catalogue.delete(writing, ids.check_id(request.name, "name"), request.etag)
        return messages.DeleteCatalogueToolResponse()


def _read(number: tool_definition_pb2.ToolTier.ValueType) -> str:
    """The catalogue to read, by its tenant."""
    identity.require_role(*_WRITERS)
    tier = catalogue_codec.tier_from_proto(number)
    return PLATFORM if tier is Tier.PLATFORM else identity.tenant()


def _writing(number: tool_definition_pb2.ToolTier.ValueType, request_id: str) -> Writing:
    """Who writes which catalogue; PermissionDenied unless it is theirs."""
    caller = identity.require_role(*_WRITERS)
    tenant_id = PLATFORM
    if catalogue_codec.tier_from_proto(number) is Tier.TENANT:
        tenant_id = identity.tenant()
    elif caller.kind is not identity.Kind.OPERATOR:
        raise errors.PermissionDenied(
            "INSUFFICIENT_PERMISSIONS",
            "only operators write the platform's catalogue",
            metadata={"required": "operator"},
        )
    return Writing(tenant_id, caller.subject, requests.request_id(request_id))


def _source(message: version_pb2.SourceFile, path: str) -> SourceFile:
    """The source, under a name of its own for its problems."""
    return SourceFile(message.path[:255] or path, message.content)
