"""`focal tools catalogue` against a scripted config_watcher."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt

from focal.common.v1 import side_effect_policy_pb2 as policies
from focal.config.v1 import tool_catalogue_service_pb2 as pb
from focal.config.v1 import tool_catalogue_service_pb2_grpc as api
from focal.config.v1 import tool_definition_pb2, version_pb2
from tests.fakes.servicers import serving
from tests.unit.cli.conftest import FakeMesh

PLATFORM = tool_definition_pb2.TOOL_TIER_PLATFORM
PROBLEM = version_pb2.Problem(path="tools.yaml", line=3, reason="BAD_URL", message="start the URL with http")
LOOK = pb.CatalogueTool(
    name="look",
    tier=PLATFORM,
    adopted=True,
    description="Looks.",
    policy=policies.SIDE_EFFECT_POLICY_PURE,
    provider="http",
    enabled=True,
    definition_json='{"description":"Looks.","http":{"url":"http://ours"},"policy":"pure"}',
    changes_json='{"http":{"url":"http://ours"}}',
    changed_by="ada",
)


@dataclass
class Catalogue(api.ToolCatalogueServiceServicer):
    """Has one tool, refuses a source with `bad`, and notes requests and the roles they came with."""

    asked: list[Any] = field(default_factory=list)
    roles: list[list[str]] = field(default_factory=list)

    def _note(self, request: Any, context: Any) -> None:
        token = dict(context.invocation_metadata())["authorization"].removeprefix("Bearer ")
        self.roles.append(jwt.decode(token, options={"verify_signature": False})["roles"])
        self.asked.append(request)

    async def ListCatalogueTools(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._note(request, context)
        tool = pb.CatalogueTool(name="second") if request.page_token else LOOK
        return pb.ListCatalogueToolsResponse(
            tools=[tool], next_page_token="" if request.page_token else "next"
        )

    async def GetCatalogueTool(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._note(request, context)
        return pb.GetCatalogueToolResponse(tool=LOOK)

    async def PutCatalogueTools(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._note(request, context)
        if "bad" in request.source.content:
            return pb.PutCatalogueToolsResponse(problems=[PROBLEM])
        return pb.PutCatalogueToolsResponse(tools=[LOOK])

    async def AdoptCatalogueTool(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._note(request, context)
        return pb.AdoptCatalogueToolResponse(tool=LOOK)

    async def DeleteCatalogueTool(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._note(request, context)
        return pb.DeleteCatalogueToolResponse()


async def run(
    fake_mesh: FakeMesh, *arguments: str, catalogue: Catalogue | None = None
) -> tuple[Any, Catalogue]:
    fake = catalogue or Catalogue()
    async with serving(api.add_ToolCatalogueServiceServicer_to_server, fake) as target:
        fake_mesh.at({"config_watcher": target})
        outcome = await fake_mesh.terminal.focal("tools", "catalogue", *arguments)
    return outcome, fake


async def test_a_catalogue_is_listed_over_all_pages(fake_mesh: FakeMesh) -> None:
    outcome, fake = await run(fake_mesh, "list")
    for word in ("look", "platform (adopted)", "pure", "Looks.", "second"):
        assert word in outcome.output
    assert fake.asked[0].tier == tool_definition_pb2.TOOL_TIER_TENANT


async def test_a_tool_is_shown_as_yaml(fake_mesh: FakeMesh) -> None:
    outcome, _ = await run(fake_mesh, "show", "look")
    assert "look:\n  description: Looks.\n  http:\n    url: http://ours\n  policy: pure\n" in outcome.output
    assert '# the tenant changes {"http"' in outcome.output


async def test_the_platforms_catalogue_is_written_by_an_operator(fake_mesh: FakeMesh, tmp_path: Path) -> None:
    file = tmp_path / "tools.yaml"
    file.write_text("look: {}")
    outcome, fake = await run(fake_mesh, "put", str(file), "--tier", "platform")
    assert outcome.code == 0
    assert (fake.asked[0].tier, fake.roles) == (PLATFORM, [["operator"]])
    assert fake.asked[0].source.path == "tools.yaml"


async def test_a_refused_file_shows_its_problems_and_fails(fake_mesh: FakeMesh, tmp_path: Path) -> None:
    file = tmp_path / "tools.yaml"
    file.write_text("bad: {}")
    outcome, fake = await run(fake_mesh, "put", str(file))
    assert outcome.code == 1
    assert "Nothing was stored" in outcome.output
    assert "tools.yaml:3" in outcome.output
    assert fake.roles == [["admin"]]


async def test_a_tool_is_adopted_with_changes_and_deleted(fake_mesh: FakeMesh, tmp_path: Path) -> None:
    file = tmp_path / "changes.yaml"
    file.write_text("http: {url: 'http://ours'}")
    outcome, fake = await run(fake_mesh, "adopt", "look", "--with", str(file))
    assert "adopted from the platform" in outcome.output
    assert fake.asked[0].source.content == "http: {url: 'http://ours'}"
    outcome, fake = await run(fake_mesh, "delete", "look", "--json")
    assert outcome.documents == [{"deleted": "look"}]
    assert fake.asked[0].request_id
