"""The composition root: the only place that builds things."""

import focal_embedding
from focal.config.v1 import (
    config_admin_service_pb2_grpc,
    config_watcher_service_pb2_grpc,
    tenant_service_pb2_grpc,
    tool_catalogue_service_pb2_grpc,
)
from focal_config_watcher.adapters.postgres_catalogues import PostgresCatalogues
from focal_config_watcher.adapters.postgres_tenants import PostgresTenants
from focal_config_watcher.adapters.postgres_versions import PostgresVersions
from focal_config_watcher.adapters.proto_bundle import ProtoBundle
from focal_config_watcher.adapters.redis_announcements import RedisAnnouncements
from focal_config_watcher.adapters.redis_bundles import RedisBundles
from focal_config_watcher.core.cataloguing import Catalogue
from focal_config_watcher.core.compilation import Compiler
from focal_config_watcher.core.distribution import Distributor
from focal_config_watcher.core.following import Follower
from focal_config_watcher.core.history import History
from focal_config_watcher.core.publishing import Publisher
from focal_config_watcher.core.serving import Bundles
from focal_config_watcher.core.tenants import Registry
from focal_config_watcher.core.watching import Pointers
from focal_config_watcher.settings import ConfigWatcherSettings
from focal_config_watcher.transport.config_admin import ConfigAdminServicer
from focal_config_watcher.transport.config_watcher import ConfigWatcherServicer
from focal_config_watcher.transport.tenants import TenantServicer
from focal_config_watcher.transport.tool_catalogue import ToolCatalogueServicer
from focal_kernel import clock
from focal_service_kit import postgres, redis_client
from focal_service_kit.host import Host


async def build(settings: ConfigWatcherSettings, host: Host) -> None:
    """Open the stores, build the use cases, register the services."""
    pool = await host.stack.enter_async_context(postgres.pool(settings.postgres, "config_watcher"))
    redis = await host.stack.enter_async_context(redis_client.connect(settings.redis))
    embedder = await host.stack.enter_async_context(focal_embedding.opened(settings.embedding))
    host.readiness("postgres", postgres.ready(pool))
    host.readiness("redis", redis_client.ready(redis), required=False)

    versions = PostgresVersions(pool)
    cache = RedisBundles(redis, settings.cache.superseded_ttl_s)
    registry = Registry(PostgresTenants(pool), clock.SystemClock())
    pointers = Pointers()
    distributor = Distributor(versions, cache, pointers, settings.cache.reconcile_s)
    follower = Follower(versions, RedisAnnouncements(redis), pointers, settings.watch.poll_s)
    compiler = Compiler(embedder, ProtoBundle(), settings.compile.batch)
    limits = settings.limits.limits()
    catalogue = Catalogue(registry, PostgresCatalogues(pool), limits, settings.catalogue.tools)
    publisher = Publisher(limits, registry, catalogue, versions, compiler, distributor)

    host.background("poll pointers", follower.poll)
    host.background("listen to announcements", follower.listen)
    host.background("reconcile the cache", distributor.reconcile)
    host.on_drain(pointers.close)

    # Calls that are not built yet are answered by the kit.
    admin = ConfigAdminServicer(publisher, History(registry, versions, distributor))  # type: ignore[abstract]
    config_admin_service_pb2_grpc.add_ConfigAdminServiceServicer_to_server(admin, host.server)
    config_watcher_service_pb2_grpc.add_ConfigWatcherServiceServicer_to_server(
        ConfigWatcherServicer(Bundles(registry, versions, cache), pointers), host.server
    )
    tenant_service_pb2_grpc.add_TenantServiceServicer_to_server(TenantServicer(registry), host.server)
    tool_catalogue_service_pb2_grpc.add_ToolCatalogueServiceServicer_to_server(
        ToolCatalogueServicer(catalogue), host.server
    )
    host.serves(
        "focal.config.v1.ConfigAdminService",
        "focal.config.v1.ConfigWatcherService",
        "focal.config.v1.TenantService",
        "focal.config.v1.ToolCatalogueService",
    )
