"""The channels of this deployment: the catalogue as the settings change it."""

from __future__ import annotations

from dataclasses import replace

from focal_turn_gateway.domain import channel_catalogue
from focal_turn_gateway.domain.channels import Capability, Channel, Override, Registry
from focal_turn_gateway.settings import TurnGatewaySettings


def registry(settings: TurnGatewaySettings) -> Registry:
    """All channels. Raises ValueError for names that lead nowhere, InvalidArgument for values outside
    limits.
    """
    channels = {}
    for name, registered in settings.channels.registered.items():
        known = channel_catalogue.known(name)
        facts = registered.capability if registered.capability != Capability() else known.capability
        channels[name] = Channel(name, facts, registered.policy.checked().over(known.policy))
    shorthands = [(name, Override(window_ms=ms)) for name, ms in settings.accumulation.channel_ms.items()]
    defaults = settings.supersede.channel_default.items()
    shorthands += [(name, Override(supersede_default=action)) for name, action in defaults]
    for name, override in shorthands:
        known = channels.get(name, channel_catalogue.known(name))
        channels[name] = Channel(name, known.capability, override.checked().over(known.policy))
    if not settings.identity.auto_link:
        for name in {*channels, *(channel.name for channel in channel_catalogue.CATALOGUE)}:
            known = channels.get(name, channel_catalogue.known(name))
            said = settings.channels.registered.get(name)
            if said is None or said.policy.link_identities is None:
                channels[name] = replace(known, policy=replace(known.policy, link_identities=False))
    return channel_catalogue.registry(channels.values(), settings.channels.aliases)
