"""The part of the composition root that opens the providers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from focal_service_kit import logging, redis_client
from focal_service_kit.config_sources import ConfigError
from focal_service_kit.host import Host
from focal_toolbox.adapters import http_client
from focal_toolbox.adapters.outbound import Outbound
from focal_toolbox.adapters.providers import (
    grpc_calls,
    grpc_channels,
    grpc_methods,
    http,
    http_dispatch,
    internal,
    internal_functions,
    queue,
)
from focal_toolbox.adapters.providers.absent import AbsentProvider
from focal_toolbox.adapters.secrets import Secrets
from focal_toolbox.domain.hosts import AllowedHosts
from focal_toolbox.ports.providers import Provider
from focal_toolbox.settings import ToolboxSettings
from focal_toolbox.settings.grpc_provider import GrpcProviderSettings
from focal_toolbox.settings.internal import InternalSettings
from focal_toolbox.settings.mcp import McpSettings


def secrets(settings: ToolboxSettings, host: Host) -> Secrets:
    """What definitions may name as `${NAME}`; its secrets are kept out of the log from now on."""
    variables = {name: value.get_secret_value() for name, value in settings.variables.items()}
    chosen = settings.secrets
    found = Secrets(variables, chosen.directory, chosen.plain)
    host.stack.enter_context(logging.concealing(found.text))
    if chosen.directory:
        host.background("secrets", lambda: found.watch(chosen.refresh_s))
    return found


async def providers(settings: ToolboxSettings, host: Host, known: Secrets) -> Mapping[str, Provider]:
    """Every provider by the name that tool definitions use."""
    chosen = settings.http
    limits = http_dispatch.Limits(chosen.max_response_bytes)
    reach = outbound(settings, known)
    clients = await host.stack.enter_async_context(
        http_client.clients(reach, chosen.max_connections, chosen.connect_timeout_s)
    )
    return {
        "http": http.HttpProvider(clients, limits, reach, known),
        "grpc": _grpc(settings.grpc_provider, host, reach, known),
        "internal": await _internal(settings.internal, host),
        "queue": await _queue(settings, host),
        "mcp": _mcp(settings.mcp, host, known),
    }


def outbound(settings: ToolboxSettings, known: Secrets) -> Outbound:
    """What may be reached; hosts in URLs among the operator's own values need not be listed again."""
    chosen = settings.outbound
    return Outbound(AllowedHosts(chosen.hosts, chosen.tenant_hosts, known.places), chosen.networks)


def _grpc(settings: GrpcProviderSettings, host: Host, reach: Outbound, known: Secrets) -> Provider:
    roots = _file("grpc_provider.ca_file", settings.ca_file) if settings.ca_file else None
    sets = {
        name: _file(f"grpc_provider.descriptor_sets.{name}", path)
        for name, path in settings.descriptor_sets.items()
    }
    limits = grpc_channels.Limits(
        settings.channels, settings.channel_ttl_s, settings.connect_timeout_s, settings.max_response_bytes
    )
    channels = grpc_channels.Channels(reach, limits, roots)
    host.stack.push_async_callback(channels.close)
    return grpc_calls.GrpcProvider(
        channels,
        grpc_methods.Reflected(settings.descriptor_ttl_s, settings.max_descriptor_bytes),
        grpc_calls.Described(sets, settings.max_descriptor_bytes),
        reach,
        known,
        settings.max_response_bytes,
    )


async def _queue(settings: ToolboxSettings, host: Host) -> Provider:
    if not settings.queue.enabled:
        return queue.QueueProvider(None, settings.queue.max_waiting)
    client = await host.stack.enter_async_context(redis_client.connect(settings.redis))
    return queue.QueueProvider(client.connection_pool, settings.queue.max_waiting)


async def _internal(settings: InternalSettings, host: Host) -> Provider:
    functions = internal_functions.load(settings.packages)
    limits = internal.Limits(settings.threads, settings.max_result_bytes)
    running = await host.stack.enter_async_context(internal.running(limits))
    return internal.InternalProvider(functions, limits, running)


def _mcp(settings: McpSettings, host: Host, known: Secrets) -> Provider:
    if not settings.servers:
        return AbsentProvider("the setting mcp.servers names no servers")
    # The SDK takes its time and memory to import; a toolbox without servers does without.
    from focal_toolbox.adapters.providers import mcp_calls, mcp_sessions

    limits = mcp_sessions.Limits(
        settings.connect_timeout_s,
        settings.max_response_bytes,
        settings.sessions,
        settings.idle_s,
        settings.show_stderr,
    )
    sessions = mcp_sessions.Sessions(limits)
    host.stack.push_async_callback(sessions.close)
    return mcp_calls.McpProvider(settings.servers, sessions, known, settings.max_response_bytes)


def _file(setting: str, path: Path) -> bytes:
    """What a file of the settings holds; ConfigError when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as failure:
        raise ConfigError([f"{setting}: {path}: {failure.strerror}"]) from None
