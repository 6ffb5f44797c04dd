"""The calls that administer a mesh: tenants, publishing, channels. All raise CallFailed."""

from collections.abc import AsyncIterator
from pathlib import Path

import grpc

from focal.config.v1 import config_admin_service_pb2 as config_admin
from focal.config.v1 import config_admin_service_pb2_grpc as config_admin_grpc
from focal.config.v1 import tenant_service_pb2, tenant_service_pb2_grpc, version_pb2
from focal.turn.v1 import channel_pb2, channel_service_pb2, channel_service_pb2_grpc
from focal_cli.connection import Connection
from focal_cli.local import errors
from focal_client import calls, channels
from focal_client import errors as client_errors
from focal_kernel import ids

TIMEOUT_S = 10.0
PUBLISH_TIMEOUT_S = 120.0
LARGEST_PAGE = 100
SOURCES = (".yaml", ".yml")


async def add_tenant(
    connection: Connection, tenant_id: str, name: str = "", tier: str = "FREE"
) -> tenant_service_pb2.Tenant:
    """Register a tenant; ALREADY_EXISTS when there is one."""
    request = tenant_service_pb2.CreateTenantRequest(
        tenant_id=tenant_id,
        name=name,
        tier=tenant_service_pb2.TenantTier.Value(f"TENANT_TIER_{tier.upper()}"),
        request_id=ids.new_id("req"),
    )
    async with connection.channel("config_watcher") as channel:
        stub = tenant_service_pb2_grpc.TenantServiceStub(channel)
        token = connection.operator_token
        return (await calls.unary(stub.CreateTenant, request, token, TIMEOUT_S)).tenant


async def ensure_tenant(connection: Connection) -> None:
    """Register the connection's tenant unless it is registered."""
    try:
        await add_tenant(connection, connection.tenant, tier="ENTERPRISE")
    except client_errors.CallFailed as failure:
        if failure.status is not grpc.StatusCode.ALREADY_EXISTS:
            raise


async def tenants(connection: Connection) -> list[tenant_service_pb2.Tenant]:
    """All tenants, by id."""
    found: list[tenant_service_pb2.Tenant] = []
    request = tenant_service_pb2.ListTenantsRequest(page_size=LARGEST_PAGE)
    async with connection.channel("config_watcher") as channel:
        stub = tenant_service_pb2_grpc.TenantServiceStub(channel)
        while True:
            token = connection.operator_token
            page = await calls.unary(stub.ListTenants, request, token, TIMEOUT_S)
            found += page.tenants
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token


def sources(folder: Path) -> list[version_pb2.SourceFile]:
    """The agent's files in a folder and below; raises LocalError when there are none."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in SOURCES and path.is_file())
    if not paths:
        raise errors.LocalError(
            f"{folder} holds no YAML files", "Name the folder of an agent, such as examples/returns_desk."
        )
    return [
        version_pb2.SourceFile(path=path.relative_to(folder).as_posix(), content=text(path)) for path in paths
    ]


def text(path: Path) -> str:
    """The content of a file; raises LocalError when it is not UTF-8 or cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise errors.LocalError(
            f"{path} is not UTF-8 text, from byte {error.start}", "Save it as UTF-8."
        ) from None
    except OSError as error:
        raise errors.LocalError(f"{path} cannot be read: {error.strerror}", "Mend its permissions.") from None


async def publish(
    connection: Connection, files: list[version_pb2.SourceFile], note: str = ""
) -> AsyncIterator[config_admin.PublishResponse]:
    """Publish an agent's files; yields each stage and, last, the outcome."""
    request = config_admin.PublishRequest(files=files, note=note, request_id=ids.new_id("req"))
    async with connection.channel("config_watcher") as channel:
        stub = config_admin_grpc.ConfigAdminServiceStub(channel)
        call = stub.Publish(request, timeout=PUBLISH_TIMEOUT_S, metadata=channels.metadata(connection.token))
        try:
            async for event in call:
                yield event
        except grpc.aio.AioRpcError as failure:
            raise client_errors.from_rpc(failure) from None


async def publish_to_end(connection: Connection, files: list[version_pb2.SourceFile]) -> int:
    """Publish an agent's files and return the version; raises LocalError with the first problem."""
    async for event in publish(connection, files):
        if event.HasField("published"):
            return event.published.pointer.version
        if event.HasField("refused"):
            problem = event.refused.problems[0]
            raise errors.LocalError(
                f"{problem.path}:{problem.line}: {problem.message}", "`focal publish DIR` lists all problems."
            )
    raise errors.LocalError("the publication ended without an outcome", "Publish again.")


async def channels_of(connection: Connection, agent_id: str = "") -> channel_service_pb2.ListChannelsResponse:
    """All channels as an agent sees them, and the overrides that apply to it."""
    request = channel_service_pb2.ListChannelsRequest(agent_id=agent_id)
    async with connection.channel("turn_gateway") as channel:
        stub = channel_service_pb2_grpc.ChannelServiceStub(channel)
        return await calls.unary(stub.ListChannels, request, connection.token, TIMEOUT_S)


async def put_channel_policy(
    connection: Connection, override: channel_pb2.ChannelPolicyOverride
) -> channel_pb2.ChannelPolicyOverride:
    """Set fields of an override; the override as it stands."""
    request = channel_service_pb2.PutChannelPolicyRequest(override=override, request_id=ids.new_id("req"))
    async with connection.channel("turn_gateway") as channel:
        stub = channel_service_pb2_grpc.ChannelServiceStub(channel)
        return (await calls.unary(stub.PutChannelPolicy, request, connection.token, TIMEOUT_S)).override


async def delete_channel_policy(
    connection: Connection, agent_id: str, channel_name: str, fields: list[str]
) -> channel_pb2.ChannelPolicyOverride:
    """Take fields, or all, out of an override; the override as it stands."""
    request = channel_service_pb2.DeleteChannelPolicyRequest(
        agent_id=agent_id, channel=channel_name, fields=fields, request_id=ids.new_id("req")
    )
    async with connection.channel("turn_gateway") as channel:
        stub = channel_service_pb2_grpc.ChannelServiceStub(channel)
        return (await calls.unary(stub.DeleteChannelPolicy, request, connection.token, TIMEOUT_S)).override
