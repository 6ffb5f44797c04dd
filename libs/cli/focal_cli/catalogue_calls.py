"""The calls about the catalogues of tools. All raise CallFailed.

The platform's catalogue is written with an operator's token, a tenant's with one of its administrators.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from focal.config.v1 import tool_catalogue_service_pb2 as pb
from focal.config.v1 import tool_catalogue_service_pb2_grpc as api
from focal.config.v1 import tool_definition_pb2, version_pb2
from focal_cli.connection import Connection
from focal_client import calls
from focal_kernel import ids

TIMEOUT_S = 10.0
LARGEST_PAGE = 100
PLATFORM, TENANT = "platform", "tenant"
TIERS = (PLATFORM, TENANT)


async def tools(connection: Connection, tier: str) -> list[pb.CatalogueTool]:
    """A catalogue by name, all pages."""
    found: list[pb.CatalogueTool] = []
    request = pb.ListCatalogueToolsRequest(tier=_tier(tier), page_size=LARGEST_PAGE)
    async with _stub(connection) as stub:
        while True:
            page = await calls.unary(stub.ListCatalogueTools, request, _token(connection, tier), TIMEOUT_S)
            found += page.tools
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token


async def tool(connection: Connection, tier: str, name: str) -> pb.CatalogueTool:
    """One tool of a catalogue."""
    request = pb.GetCatalogueToolRequest(tier=_tier(tier), name=name)
    async with _stub(connection) as stub:
        answer: pb.GetCatalogueToolResponse = await calls.unary(
            stub.GetCatalogueTool, request, _token(connection, tier), TIMEOUT_S
        )
        return answer.tool


async def put(
    connection: Connection, tier: str, source: version_pb2.SourceFile
) -> pb.PutCatalogueToolsResponse:
    """Define the tools of a source; the answer has problems and no tools when it is refused."""
    request = pb.PutCatalogueToolsRequest(tier=_tier(tier), source=source, request_id=ids.new_id("req"))
    async with _stub(connection) as stub:
        answer: pb.PutCatalogueToolsResponse = await calls.unary(
            stub.PutCatalogueTools, request, _token(connection, tier), TIMEOUT_S
        )
        return answer


async def adopt(
    connection: Connection, name: str, source: version_pb2.SourceFile
) -> pb.AdoptCatalogueToolResponse:
    """Adopt a tool of the platform; the answer has problems and no tool when it is refused."""
    request = pb.AdoptCatalogueToolRequest(name=name, source=source, request_id=ids.new_id("req"))
    async with _stub(connection) as stub:
        answer: pb.AdoptCatalogueToolResponse = await calls.unary(
            stub.AdoptCatalogueTool, request, connection.token, TIMEOUT_S
        )
        return answer


async def delete(connection: Connection, tier: str, name: str) -> None:
    """Take a tool out of a catalogue."""
    request = pb.DeleteCatalogueToolRequest(tier=_tier(tier), name=name, request_id=ids.new_id("req"))
    async with _stub(connection) as stub:
        await calls.unary(stub.DeleteCatalogueTool, request, _token(connection, tier), TIMEOUT_S)


def _tier(tier: str) -> tool_definition_pb2.ToolTier.ValueType:
    return tool_definition_pb2.ToolTier.Value(f"TOOL_TIER_{tier.upper()}")


def _token(connection: Connection, tier: str) -> Callable[[], str]:
    return connection.operator_token if tier == PLATFORM else connection.token


@asynccontextmanager
async def _stub(connection: Connection) -> AsyncIterator[Any]:
    async with connection.channel("config_watcher") as channel:
        yield api.ToolCatalogueServiceStub(channel)
