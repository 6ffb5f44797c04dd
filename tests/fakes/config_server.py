"""config_watcher in the test's own event loop, on real PostgreSQL and Valkey."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from focal.config.v1 import bundle_pb2, version_pb2
from focal.config.v1 import config_admin_service_pb2 as messages
from focal.config.v1 import config_watcher_service_pb2 as watcher
from focal.config.v1 import tenant_service_pb2 as tenants
from focal.config.v1.config_admin_service_pb2_grpc import ConfigAdminServiceStub
from focal.config.v1.config_watcher_service_pb2_grpc import ConfigWatcherServiceStub
from focal.config.v1.tenant_service_pb2_grpc import TenantServiceStub
from focal.config.v1.tool_catalogue_service_pb2_grpc import ToolCatalogueServiceStub
from focal_config_watcher import app
from focal_config_watcher.settings import CacheSettings, ConfigWatcherSettings, WatchSettings
from focal_service_kit import postgres, redis_client, settings
from focal_service_kit.host import Host
from tests.fakes import in_process

TENANT = "acme"
TIMEOUT_S = 10
EXAMPLE = Path(__file__).parents[2] / "examples" / "returns_desk"


@dataclass
class ConfigServer:
    """A running service with its clients; `admin` speaks for the tenant `acme`."""

    running: in_process.Running

    def admin(self, tenant_id: str = TENANT) -> Any:
        token = self.running.deployment.tenant_token(tenant_id, roles=["admin"])
        return ConfigAdminServiceStub(self.running.channel(token))

    def watcher(self, tenant_id: str = TENANT) -> Any:
        """As a service that acts for a tenant; "" for one that acts for all."""
        token = self.running.deployment.internal_token("config_watcher", tenant_id=tenant_id)
        return ConfigWatcherServiceStub(self.running.channel(token))

    def tenants(self, token: str | None = None) -> Any:
        token = token or self.running.deployment.operator_token()
        return TenantServiceStub(self.running.channel(token))

    def catalogue(self, tenant_id: str | None = TENANT, role: str = "admin") -> Any:
        """As somebody of a tenant; None for an operator."""
        deployment = self.running.deployment
        token = deployment.tenant_token(tenant_id, roles=[role]) if tenant_id else deployment.operator_token()
        return ToolCatalogueServiceStub(self.running.channel(token))

    async def add_tenant(self, tenant_id: str = TENANT) -> None:
        await self.tenants().CreateTenant(tenants.CreateTenantRequest(tenant_id=tenant_id), timeout=TIMEOUT_S)

    async def publish(
        self,
        files: Iterable[version_pb2.SourceFile],
        *,
        tenant_id: str = TENANT,
        **fields: str,
    ) -> messages.PublishResponse:
        """The last frame of a publication."""
        *_, last = await self.publication(files, tenant_id=tenant_id, **fields)
        return last

    async def publication(
        self,
        files: Iterable[version_pb2.SourceFile],
        *,
        tenant_id: str = TENANT,
        **fields: str,
    ) -> list[messages.PublishResponse]:
        """All frames of a publication."""
        request = messages.PublishRequest(files=files, **fields)
        call = self.admin(tenant_id).Publish(request, timeout=TIMEOUT_S)
        return [frame async for frame in call]

    async def bundle(
        self, agent_id: str, version: int = 0, *, tenant_id: str = TENANT, parts: Iterable[str] = ()
    ) -> tuple[bundle_pb2.BundleManifest, dict[str, bytes]]:
        """A bundle put together from its frames."""
        request = watcher.GetBundleRequest(agent_id=agent_id, version=version, parts=parts)
        manifest = bundle_pb2.BundleManifest()
        contents: dict[str, bytes] = {}
        async for frame in self.watcher(tenant_id).GetBundle(request, timeout=TIMEOUT_S):
            if frame.WhichOneof("frame") == "manifest":
                manifest = frame.manifest
                contents = {part.name: b"" for part in manifest.parts}
            else:
                contents[frame.chunk.part] += frame.chunk.data
        return manifest, contents


@asynccontextmanager
async def serving(
    database: str,
    redis_url: str,
    *,
    deployment: in_process.Deployment | None = None,
    poll_s: float = 60,
    reconcile_s: float = 60,
) -> AsyncIterator[ConfigServer]:
    """The service as `app.build` makes it; polling and reconciling are off unless a test asks."""
    chosen = ConfigWatcherSettings(
        grpc=settings.GrpcSettings(),
        metrics=settings.MetricsSettings(),
        postgres=settings.PostgresSettings(url=database, pool_max=5),
        redis=settings.RedisSettings(url=redis_url, timeout_s=1),
        drain=settings.DrainSettings(grace_s=0.2),
        watch=WatchSettings(poll_s=poll_s),
        cache=CacheSettings(reconcile_s=reconcile_s),
    )

    async def build(host: Host) -> None:
        await app.build(chosen, host)

    translators = (postgres.translate, redis_client.translate)
    async with in_process.serving(
        "config_watcher", build, deployment=deployment, chosen=chosen, translators=translators
    ) as running:
        yield ConfigServer(running)


def example() -> list[version_pb2.SourceFile]:
    """The sources of the example agent."""
    return folder(EXAMPLE)


def folder(path: Path) -> list[version_pb2.SourceFile]:
    """The YAML files of a folder, as `focal publish` sends them."""
    return [
        version_pb2.SourceFile(path=file.relative_to(path).as_posix(), content=file.read_text())
        for file in sorted(path.rglob("*.yaml"))
    ]


def files(**contents: str) -> list[version_pb2.SourceFile]:
    """Files by name without `.yaml`; a valid agent.yaml is added when none is given."""
    contents.setdefault("agent", agent())
    return [
        version_pb2.SourceFile(path=f"{name}.yaml", content=content) for name, content in contents.items()
    ]


def agent(agent_id: str = "desk", name: str = "Desk") -> str:
    """The shortest agent.yaml."""
    return f"id: {agent_id}\nname: {name}\nsystem_prompt: Help.\n"
