"""The part of the composition root that builds the catalogue of tools."""

from __future__ import annotations

from focal.config.v1.config_watcher_service_pb2_grpc import ConfigWatcherServiceStub
from focal_service_kit import channels
from focal_service_kit.host import Host
from focal_toolbox.adapters.bundles import BundleTools
from focal_toolbox.settings import ToolboxSettings


def tools(settings: ToolboxSettings, host: Host) -> BundleTools:
    """The tools of the bundles that config_watcher publishes."""
    channel = host.channel(
        channels.ChannelSettings(
            "config_watcher",
            settings.peers.config_watcher,
            safe_methods=("focal.config.v1.ConfigWatcherService/GetPointer",),
        )
    )
    return BundleTools(
        ConfigWatcherServiceStub(channel),
        lambda tenant_id: host.caller_tokens.own("config_watcher", tenant_id),
        bundles_kept=settings.bundles.kept,
        bundle_ttl_s=settings.bundles.ttl_s,
        pointer_ttl_s=settings.bundles.pointer_ttl_s,
        timeout_s=settings.bundles.timeout_s,
    )
