"""The registry of tenants over gRPC and in real PostgreSQL."""

from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio

from focal.config.v1 import tenant_service_pb2 as messages
from focal_kernel.errors import FocalError
from focal_service_kit import errors
from tests.fakes import config_server
from tests.fakes.config_server import ConfigServer

pytestmark = pytest.mark.migrated("focal_config_watcher")

Create = messages.CreateTenantRequest


@pytest_asyncio.fixture
async def server(database: str, redis_url: str) -> AsyncIterator[ConfigServer]:
    async with config_server.serving(database, redis_url) as running:
        yield running


async def refusal(call: object) -> FocalError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call  # type: ignore[misc]
    return errors.from_rpc(caught.value)


async def test_a_tenant_is_registered_and_found(server: ConfigServer) -> None:
    request = Create(tenant_id="acme", name="Acme Ltd", tier=messages.TENANT_TIER_PRO)
    created = (await server.tenants().CreateTenant(request, timeout=10)).tenant
    found = await server.tenants().GetTenant(messages.GetTenantRequest(tenant_id="acme"), timeout=10)
    assert found.tenant == created
    assert (created.name, created.tier) == ("Acme Ltd", messages.TENANT_TIER_PRO)
    assert created.created_at.seconds


async def test_an_unspecified_tier_is_free(server: ConfigServer) -> None:
    created = await server.tenants().CreateTenant(Create(tenant_id="acme"), timeout=10)
    assert created.tenant.tier == messages.TENANT_TIER_FREE


async def test_a_repeated_request_registers_once(server: ConfigServer) -> None:
    request = Create(tenant_id="acme", name="Acme", request_id="req-1")
    first = await server.tenants().CreateTenant(request, timeout=10)
    assert await server.tenants().CreateTenant(request, timeout=10) == first
    other = Create(tenant_id="acme", name="Other", request_id="req-1")
    assert (await refusal(server.tenants().CreateTenant(other, timeout=10))).reason == "REQUEST_ID_REUSED"
    unnamed = Create(tenant_id="acme", name="Acme")
    assert (await refusal(server.tenants().CreateTenant(unnamed, timeout=10))).reason == "TENANT_EXISTS"


async def test_tenants_are_listed_by_id_in_pages(server: ConfigServer) -> None:
    for tenant_id in ("b", "C", "a"):
        await server.add_tenant(tenant_id)
    first = await server.tenants().ListTenants(messages.ListTenantsRequest(page_size=2), timeout=10)
    assert [tenant.tenant_id for tenant in first.tenants] == ["C", "a"]
    rest = messages.ListTenantsRequest(page_size=2, page_token=first.next_page_token)
    last = await server.tenants().ListTenants(rest, timeout=10)
    assert [tenant.tenant_id for tenant in last.tenants] == ["b"]
    assert last.next_page_token == ""


async def test_a_tenant_sees_itself_and_nobody_else(server: ConfigServer) -> None:
    await server.add_tenant("acme")
    stub = server.tenants(server.running.deployment.tenant_token("acme", roles=["admin"]))
    own = await stub.GetTenant(messages.GetTenantRequest(), timeout=10)
    assert own.tenant.tenant_id == "acme"
    other = stub.GetTenant(messages.GetTenantRequest(tenant_id="other"), timeout=10)
    assert (await refusal(other)).reason == "TENANT_MISMATCH"
    listing = stub.ListTenants(messages.ListTenantsRequest(), timeout=10)
    assert (await refusal(listing)).reason == "INSUFFICIENT_PERMISSIONS"


async def test_only_operators_register(server: ConfigServer) -> None:
    deployment = server.running.deployment
    tokens = [
        deployment.tenant_token("acme", roles=["admin", "operator"]),
        deployment.internal_token("config_watcher", tenant_id=""),
    ]
    for token in tokens:
        call = server.tenants(token).CreateTenant(Create(tenant_id="mine"), timeout=10)
        assert (await refusal(call)).reason == "INSUFFICIENT_PERMISSIONS"


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (Create(tenant_id="a:b"), "INVALID_ID"),
        (Create(tenant_id=""), "INVALID_ID"),
        (Create(tenant_id="a", name="x" * 201), "INVALID_FIELD"),
        (Create(tenant_id="a", name="x\0"), "INVALID_FIELD"),
        (Create(tenant_id="a", tier=9), "INVALID_FIELD"),  # type: ignore[arg-type]
        (Create(tenant_id="a", request_id="x\n"), "INVALID_ID"),
    ],
)
async def test_bad_fields_are_refused(
    server: ConfigServer, request_: messages.CreateTenantRequest, reason: str
) -> None:
    assert (await refusal(server.tenants().CreateTenant(request_, timeout=10))).reason == reason
    listed = await server.tenants().ListTenants(messages.ListTenantsRequest(), timeout=10)
    assert not listed.tenants


async def test_an_unknown_tenant_is_not_found(server: ConfigServer) -> None:
    call = server.tenants().GetTenant(messages.GetTenantRequest(tenant_id="nobody"), timeout=10)
    assert (await refusal(call)).reason == "TENANT_NOT_FOUND"
