"""The calls about what agents may call. All raise CallFailed."""

from dataclasses import dataclass

from focal.config.v1 import tool_definition_pb2
from focal.toolbox.v1 import tool_pb2, toolbox_service_pb2, toolbox_service_pb2_grpc
from focal_cli.connection import Connection
from focal_client import calls

TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Selection:
    """Which tools of an agent: `version` 0 is the current one, empty words and `all` leave nothing out."""

    agent_id: str
    version: int = 0
    enabled_only: bool = False
    category: str = ""
    tier: str = ""


async def tools(connection: Connection, selection: Selection) -> list[tool_pb2.Tool]:
    """An agent's tools by name, those it may not call included unless they are left out."""
    tier = f"TOOL_TIER_{selection.tier.upper() or 'UNSPECIFIED'}"
    request = toolbox_service_pb2.ListToolsRequest(
        agent_id=selection.agent_id,
        config_version=selection.version,
        enabled_only=selection.enabled_only,
        category=selection.category,
        tier=tool_definition_pb2.ToolTier.Value(tier),
    )
    async with connection.channel("toolbox") as channel:
        stub = toolbox_service_pb2_grpc.ToolboxServiceStub(channel)
        answer = await calls.unary(stub.ListTools, request, connection.token, TIMEOUT_S)
        return list(answer.tools)
