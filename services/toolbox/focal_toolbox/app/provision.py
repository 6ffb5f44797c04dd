"""The part of the composition root that opens the providers."""

from __future__ import annotations

from collections.abc import Mapping

from focal_service_kit import logging
from focal_service_kit.host import Host
from focal_toolbox.adapters.outbound import Outbound
from focal_toolbox.adapters.providers import http, http_dispatch, internal, internal_functions
from focal_toolbox.adapters.secrets import Secrets
from focal_toolbox.domain.hosts import AllowedHosts
from focal_toolbox.ports.providers import Provider
from focal_toolbox.settings import ToolboxSettings
from focal_toolbox.settings.internal import InternalSettings


def secrets(settings: ToolboxSettings, host: Host) -> Secrets:
    """What definitions may name as `${NAME}`; its secrets are kept out of the log from now on."""
    variables = {name: value.get_secret_value() for name, value in settings.variables.items()}
    chosen = settings.secrets
    found = Secrets(variables, chosen.directory, chosen.plain)
    host.stack.enter_context(logging.concealing(found.conceal))
    if chosen.directory:
        host.background("secrets", lambda: found.watch(chosen.refresh_s))
    return found


async def providers(settings: ToolboxSettings, host: Host, known: Secrets) -> Mapping[str, Provider]:
    """Every provider by the name that tool definitions use."""
    chosen = settings.http
    limits = http_dispatch.Limits(chosen.connect_timeout_s, chosen.max_response_bytes, chosen.max_connections)
    reach = outbound(settings, known)
    clients = await host.stack.enter_async_context(http_dispatch.clients(limits, reach))
    return {
        "http": http.HttpProvider(clients, limits, reach, known),
        "internal": await _internal(settings.internal, host),
    }


def outbound(settings: ToolboxSettings, known: Secrets) -> Outbound:
    """What may be reached; hosts in URLs among the operator's own values need not be listed again."""
    chosen = settings.outbound
    return Outbound(AllowedHosts(chosen.hosts, chosen.tenant_hosts, known.places), chosen.networks)


async def _internal(settings: InternalSettings, host: Host) -> Provider:
    functions = internal_functions.load(settings.packages)
    limits = internal.Limits(settings.threads, settings.max_result_bytes)
    running = await host.stack.enter_async_context(internal.running(limits))
    return internal.InternalProvider(functions, limits, running)
