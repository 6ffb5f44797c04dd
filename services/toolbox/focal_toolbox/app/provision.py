"""The part of the composition root that opens the providers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from focal_service_kit.host import Host
from focal_toolbox.adapters.outbound import Outbound
from focal_toolbox.adapters.providers import http, internal, internal_functions
from focal_toolbox.domain.hosts import AllowedHosts, Place
from focal_toolbox.ports.providers import Provider
from focal_toolbox.settings import ToolboxSettings
from focal_toolbox.settings.internal import InternalSettings


async def providers(settings: ToolboxSettings, host: Host) -> Mapping[str, Provider]:
    """Every provider by the name that tool definitions use."""
    limits = http.Limits(
        settings.http.connect_timeout_s, settings.http.max_response_bytes, settings.http.max_connections
    )
    variables = {name: value.get_secret_value() for name, value in settings.variables.items()}
    reach = outbound(settings, variables.values())
    clients = await host.stack.enter_async_context(http.clients(limits, reach))
    return {
        "http": http.HttpProvider(clients, limits, reach, variables),
        "internal": await _internal(settings.internal, host),
    }


def outbound(settings: ToolboxSettings, operators: Iterable[str]) -> Outbound:
    """What may be reached; hosts in URLs among the `operators`' own texts need not be listed again."""
    chosen = settings.outbound
    named = filter(None, map(Place.of_url, operators))
    return Outbound(AllowedHosts(chosen.hosts, chosen.tenant_hosts, named), chosen.networks)


async def _internal(settings: InternalSettings, host: Host) -> Provider:
    functions = internal_functions.load(settings.packages)
    limits = internal.Limits(settings.threads, settings.max_result_bytes)
    running = await host.stack.enter_async_context(internal.running(limits))
    return internal.InternalProvider(functions, limits, running)
