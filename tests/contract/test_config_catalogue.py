"""Catalogues of tools over gRPC and in real PostgreSQL, and what publications make of them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.protobuf import json_format

from focal.common.v1 import side_effect_policy_pb2 as policies
from focal.config.v1 import bundle_pb2, tool_definition_pb2, version_pb2
from focal.config.v1 import config_admin_service_pb2 as config_admin
from focal.config.v1 import tool_catalogue_service_pb2 as messages
from focal_kernel.errors import FocalError
from focal_service_kit import errors
from tests.fakes import config_server
from tests.fakes.config_server import ConfigServer, files

pytestmark = pytest.mark.migrated("focal_config_watcher")

PLATFORM = tool_definition_pb2.TOOL_TIER_PLATFORM
LOOK = "look: {description: Looks., policy: pure, http: {url: 'http://shop'}}"
KEY = "{type: object, properties: {order_id: {type: string}}, required: [order_id]}"
RELEASE = f"release: {{description: X., policy: idempotent, parameters: {KEY}, http: {{url: 'http://shop'}}}}"
HOLD = RELEASE.replace("release:", "hold:").replace(
    "idempotent", "compensatable, business_key: [order_id], compensation: release"
)
SEE = "see: {description: Sees., policy: pure, http: {url: 'http://shop'}}"


@pytest_asyncio.fixture
async def server(database: str, redis_url: str) -> AsyncIterator[ConfigServer]:
    async with config_server.serving(database, redis_url) as running:
        await running.add_tenant()
        yield running


async def refusal(call: Any) -> FocalError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return errors.from_rpc(caught.value)


def put(text: str, tier: int = 0, **fields: Any) -> messages.PutCatalogueToolsRequest:
    source = version_pb2.SourceFile(path="tools.yaml", content=text)
    return messages.PutCatalogueToolsRequest(source=source, tier=tier, **fields)  # type: ignore[arg-type]


def adopt(name: str, text: str = "") -> messages.AdoptCatalogueToolRequest:
    return messages.AdoptCatalogueToolRequest(name=name, source=version_pb2.SourceFile(content=text))


async def published(server: ConfigServer) -> dict[str, tool_definition_pb2.ToolDefinition]:
    _, parts = await server.bundle("desk", parts=["tools"])
    part = json_format.Parse(parts["tools"], bundle_pb2.ToolsPart())
    return {tool.name: tool for tool in part.tools}


async def test_a_publication_takes_the_three_tiers_and_the_activations(server: ConfigServer) -> None:
    await server.catalogue(None).PutCatalogueTools(put(f"{LOOK}\n{SEE}", PLATFORM), timeout=10)
    await server.catalogue().AdoptCatalogueTool(adopt("look", "http: {url: 'http://ours'}"), timeout=10)
    await server.catalogue().AdoptCatalogueTool(adopt("see"), timeout=10)
    ask = SEE.replace("see", "ask")
    await server.catalogue().PutCatalogueTools(put(ask), timeout=10)
    own = SEE.replace("Sees.", "Mine.")
    last = await server.publish(files(tools=own, activations="ask: {enabled: false}"))

    tools = await published(server)
    assert {name: tool.tier for name, tool in tools.items()} == {
        "ask": tool_definition_pb2.TOOL_TIER_TENANT,
        "look": PLATFORM,
        "see": tool_definition_pb2.TOOL_TIER_AGENT,
    }
    assert (tools["ask"].enabled, tools["look"].enabled) == (False, True)
    assert "http://ours" in tools["look"].provider_config_json
    assert tools["see"].description == "Mine."
    assert {change.change for change in last.published.tool_changes} == {"added"}


async def test_a_published_version_is_frozen_and_the_next_publication_tells_what_changed(
    server: ConfigServer,
) -> None:
    await server.catalogue().PutCatalogueTools(put(f"{LOOK}\n{SEE}"), timeout=10)
    await server.publish(files())
    await server.catalogue().PutCatalogueTools(put(LOOK.replace("pure", "idempotent")), timeout=10)
    await server.catalogue().DeleteCatalogueTool(messages.DeleteCatalogueToolRequest(name="see"), timeout=10)
    assert sorted(await published(server)) == ["look", "see"]

    again = (await server.publish(files())).published
    assert (again.pointer.version, again.unchanged) == (2, False)
    told = [(change.id, change.change, list(change.fields)) for change in again.tool_changes]
    assert told == [("look", "changed", ["policy"]), ("see", "removed", [])]
    tools = await published(server)
    assert {name: tool.policy for name, tool in tools.items()} == {
        "look": policies.SIDE_EFFECT_POLICY_IDEMPOTENT
    }


async def test_nothing_of_a_source_with_an_error_is_stored(server: ConfigServer) -> None:
    bad = "pay: {description: Pays., policy: irreversible, http: {url: shop}}"
    answer = await server.catalogue().PutCatalogueTools(put(f"{LOOK}\n{bad}"), timeout=10)
    assert {(problem.line, problem.reason) for problem in answer.problems} == {
        (2, "NO_BUSINESS_KEY"),
        (2, "BAD_URL"),
    }
    assert not answer.tools
    listed = await server.catalogue().ListCatalogueTools(messages.ListCatalogueToolsRequest(), timeout=10)
    assert not listed.tools


async def test_catalogues_belong_to_those_who_may_write_them(server: ConfigServer) -> None:
    await server.add_tenant("other")
    await server.catalogue().PutCatalogueTools(put(LOOK), timeout=10)
    platform = server.catalogue().PutCatalogueTools(put(LOOK, PLATFORM), timeout=10)
    assert (await refusal(platform)).reason == "INSUFFICIENT_PERMISSIONS"
    asked = server.catalogue(role="user").ListCatalogueTools(messages.ListCatalogueToolsRequest(), timeout=10)
    assert (await refusal(asked)).reason == "INSUFFICIENT_PERMISSIONS"
    got = server.catalogue("other").GetCatalogueTool(
        messages.GetCatalogueToolRequest(name="look"), timeout=10
    )
    assert (await refusal(got)).reason == "CATALOGUE_TOOL_NOT_FOUND"
    assert (await refusal(server.catalogue(None).PutCatalogueTools(put(LOOK), timeout=10))).reason == (
        "INVALID_FIELD"
    )


async def test_an_adopted_tool_stays_on_the_platform(server: ConfigServer) -> None:
    await server.catalogue(None).PutCatalogueTools(put(LOOK, PLATFORM), timeout=10)
    await server.catalogue().AdoptCatalogueTool(adopt("look"), timeout=10)
    delete = messages.DeleteCatalogueToolRequest(name="look", tier=PLATFORM)
    refused = await refusal(server.catalogue(None).DeleteCatalogueTool(delete, timeout=10))
    assert refused.reason == "CATALOGUE_TOOL_IN_USE"
    (tool,) = (
        await server.catalogue().ListCatalogueTools(messages.ListCatalogueToolsRequest(), timeout=10)
    ).tools
    assert (tool.tier, tool.adopted, tool.policy) == (PLATFORM, True, policies.SIDE_EFFECT_POLICY_PURE)
    assert tool.changed_by
    assert tool.changed_at.seconds


async def test_a_repeated_request_writes_once(server: ConfigServer) -> None:
    request = put(LOOK, request_id="req-1")
    first = await server.catalogue().PutCatalogueTools(request, timeout=10)
    await server.catalogue().PutCatalogueTools(put(LOOK.replace("Looks", "Sees")), timeout=10)
    assert await server.catalogue().PutCatalogueTools(request, timeout=10) == first
    other = server.catalogue().PutCatalogueTools(put(SEE, request_id="req-1"), timeout=10)
    assert (await refusal(other)).reason == "REQUEST_ID_REUSED"


async def test_writers_at_once_leave_every_tool_that_they_wrote(server: ConfigServer) -> None:
    async def write(number: int) -> Any:
        request = put(LOOK.replace("look", f"t{number}"))
        return await server.catalogue().PutCatalogueTools(request, timeout=10)

    answers = await asyncio.gather(*map(write, range(6)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
    assert {errors.from_rpc(failure).reason for failure in refused} <= {"CATALOGUE_CHANGED"}
    stored = [answer for answer in answers if isinstance(answer, messages.PutCatalogueToolsResponse)]
    wrote = [tool.name for answer in stored for tool in answer.tools]
    assert len(stored) + len(refused) == len(answers)
    page = messages.ListCatalogueToolsRequest(page_size=2)
    found: list[str] = []
    while True:
        answer = await server.catalogue().ListCatalogueTools(page, timeout=10)
        found += [tool.name for tool in answer.tools]
        if not answer.next_page_token:
            break
        page.page_token = answer.next_page_token
    assert found == sorted(wrote)
    assert found


async def test_of_two_changes_at_once_none_leaves_a_tool_without_what_it_needs(server: ConfigServer) -> None:
    for number in range(4):
        tenant_id = f"t{number}"
        await server.add_tenant(tenant_id)
        stub = server.catalogue(tenant_id)
        await stub.PutCatalogueTools(put(RELEASE), timeout=10)
        delete = messages.DeleteCatalogueToolRequest(name="release")
        await asyncio.gather(
            stub.PutCatalogueTools(put(HOLD), timeout=10),
            stub.DeleteCatalogueTool(delete, timeout=10),
            return_exceptions=True,
        )
        listed = await stub.ListCatalogueTools(messages.ListCatalogueToolsRequest(), timeout=10)
        assert [tool.name for tool in listed.tools] in ([], ["hold", "release"])


async def test_validation_sees_the_tenants_tools(server: ConfigServer) -> None:
    await server.catalogue().PutCatalogueTools(put(LOOK), timeout=10)
    rules = "r: {when: x, then: y, tools: [{tool: look}]}"
    request = config_admin.ValidateRequest(files=files(rules=rules))
    assert not (await server.admin().Validate(request, timeout=10)).problems
    await server.add_tenant("other")
    (problem,) = (await server.admin("other").Validate(request, timeout=10)).problems
    assert problem.reason == "DANGLING_TOOL"
