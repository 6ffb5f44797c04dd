"""What the imports write is what config_watcher takes: a real document and a real MCP server, round trip."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from google.protobuf import json_format

from focal.config.v1 import bundle_pb2, version_pb2
from focal.config.v1 import tool_catalogue_service_pb2 as messages
from focal_cli import tool_files
from focal_cli.importing import document, mcp_tools, operations
from focal_cli.importing.reviewing import Imported
from focal_toolbox.adapters.providers import http_config
from tests.fakes import config_server
from tests.fakes.config_server import ConfigServer, files

pytestmark = pytest.mark.migrated("focal_config_watcher")

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "examples" / "order_service" / "openapi.yaml"
SERVER = ROOT / "tests" / "doubles" / "mcp_notes.py"


@pytest_asyncio.fixture
async def server(database: str, redis_url: str) -> AsyncIterator[ConfigServer]:
    async with config_server.serving(database, redis_url) as running:
        await running.add_tenant()
        yield running


def text(made: Imported) -> str:
    return tool_files.rendered(made.head, made.tools)


async def test_imports_are_published_and_stored_as_they_are(server: ConfigServer) -> None:
    shop = operations.imported(document.read(str(DOCUMENT)))
    notes = mcp_tools.imported(*await mcp_tools.listed(mcp_tools.stdio(f"{sys.executable} {SERVER}")))
    reviewed = text(shop).replace("  enabled: false\n", "")
    last = await server.publish(files(tools=reviewed))
    assert last.WhichOneof("event") == "published", last.refused
    assert len(last.published.tool_changes) == len(shop.tools)
    _, parts = await server.bundle("desk", parts=["tools"])
    for tool in json_format.Parse(parts["tools"], bundle_pb2.ToolsPart()).tools:
        url = http_config.parse(tool.provider_config_json).config.url
        assert url.startswith("${ORDER_SERVICE_URL}/")

    source = version_pb2.SourceFile(path="tools.yaml", content=text(notes))
    request = messages.PutCatalogueToolsRequest(source=source)
    stored = await server.catalogue().PutCatalogueTools(request, timeout=10)
    assert not stored.problems
    assert {tool.name: tool.enabled for tool in stored.tools} == {
        tool.name: tool.keys.get("enabled", True) for tool in notes.tools
    }
