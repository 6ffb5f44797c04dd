"""`focal tools` against a scripted toolbox."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from focal.common.v1 import side_effect_policy_pb2 as policies
from focal.config.v1 import tool_definition_pb2
from focal.toolbox.v1 import tool_pb2, toolbox_service_pb2_grpc
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from tests.fakes.servicers import serving
from tests.unit.cli.conftest import FakeMesh

REFUND = tool_pb2.Tool(
    name="refund_order",
    description="Pays an amount back.",
    policy=policies.SIDE_EFFECT_POLICY_IRREVERSIBLE,
    parameter_schema_json='{"properties":{"amount":{"maximum":99.5,"type":"number"}},"type":"object"}',
    requires_confirmation=True,
    confirmation_prompt="Shall I pay {amount}?",
    enabled=False,
    provider="http",
    tier=tool_definition_pb2.TOOL_TIER_TENANT,
    business_key_fields=["order_id"],
)

DOCUMENT = Path(__file__).parents[4] / "examples" / "order_service" / "openapi.yaml"


@dataclass
class Toolbox:
    """Lists one tool, and notes what was asked."""

    asked: list[pb.ListToolsRequest] = field(default_factory=list)

    async def ListTools(self, request: pb.ListToolsRequest, _: object) -> pb.ListToolsResponse:  # noqa: N802
        self.asked.append(request)
        return pb.ListToolsResponse(tools=[REFUND])

    def __getattr__(self, name: str) -> object:
        return None if name[0].isupper() else object.__getattribute__(self, name)


def add(fake: Any, server: Any) -> None:
    toolbox_service_pb2_grpc.add_ToolboxServiceServicer_to_server(fake, server)


async def test_tools_are_listed_with_what_is_not_enabled(fake_mesh: FakeMesh) -> None:
    toolbox = Toolbox()
    async with serving(add, toolbox) as target:
        fake_mesh.at({"toolbox": target})
        narrowed = ("--agent", "desk", "--version", "3", "--tier", "tenant", "--category", "money")
        outcome = await fake_mesh.terminal.focal("tools", "list", *narrowed)
    assert outcome.code == 0, outcome.errors
    for word in ("refund_order", "tenant", "irreversible", "no", "http"):
        assert word in outcome.output
    asked = toolbox.asked[0]
    assert (asked.agent_id, asked.config_version, asked.category) == ("desk", 3, "money")
    assert asked.tier == tool_definition_pb2.TOOL_TIER_TENANT


async def test_a_tool_is_described_with_its_schema(fake_mesh: FakeMesh) -> None:
    async with serving(add, Toolbox()) as target:
        fake_mesh.at({"toolbox": target})
        outcome = await fake_mesh.terminal.focal("tools", "describe", "refund_order")
    for word in ("Shall I pay {amount}?", "order_id", "maximum: 99.5", "not enabled for this agent"):
        assert word in outcome.output


async def test_an_unknown_tool_is_explained(fake_mesh: FakeMesh) -> None:
    async with serving(add, Toolbox()) as target:
        fake_mesh.at({"toolbox": target})
        unknown = await fake_mesh.terminal.focal("tools", "describe", "refund_ordr")
    assert unknown.code == 1
    assert "Did you mean refund_order?" in unknown.errors


async def test_an_import_is_written_once_and_nothing_is_overwritten_unasked(
    fake_mesh: FakeMesh, tmp_path: Path
) -> None:
    out = tmp_path / "tools.yaml"
    arguments = ("tools", "import", "openapi", str(DOCUMENT), "--out", str(out))
    first = await fake_mesh.terminal.focal(*arguments)
    assert first.code == 0, first.errors
    assert "6 tools, 4 of them not enabled before you have reviewed them" in first.errors
    assert "refund_order:" in out.read_text()
    again = await fake_mesh.terminal.focal(*arguments)
    assert again.code == 1
    assert "exists" in again.errors
