"""The registry of channels."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from focal_service_kit import settings
from focal_turn_gateway.domain.channels import Capability, Override


class RegisteredChannel(settings.Section):
    """One channel of the registry; a name that Focal knows is corrected, another one is added."""

    capability: Capability = Field(
        Capability(),
        description="facts about the medium; a known channel keeps its own when this is left out",
    )
    policy: Override = Field(Override(), description="fields of the platform's policy to replace")


class Channels(settings.Section):
    """The registry of channels, and what is remembered of tenants' policies."""

    registered: dict[str, RegisteredChannel] = Field(
        default_factory=dict, description="name to channel, beside or instead of those that Focal knows"
    )
    aliases: dict[str, str] = Field(
        default_factory=dict, description="other name to channel, beside webchat (web) and phone (voice)"
    )
    thread_chars: int = Field(
        2000, gt=0, description="characters from which on a reply is formatted in a thread of its own"
    )
    cached_agents: int = Field(10_000, gt=0, description="agents whose overrides are remembered")
    cached_s: float = Field(
        30, gt=0, description="seconds they are; a change whose word is lost goes unnoticed for so long"
    )


class Fallback(settings.Section):
    """Replies that could not be delivered, on another channel (DOMAIN §10)."""

    enabled: bool = Field(True, description="whether to try at all; only where the customer opted in")
    max_steps: int = Field(
        2, ge=1, description="channels considered after the first; WhatsApp, SMS, e-mail are two steps"
    )
    per_day: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default_factory=lambda: {"sms": 100},
        description="channel name to messages of one tenant that may be sent there instead, in 24 hours; 0,"
        " or a channel left out, has no limit",
    )


class Identity(settings.Section):
    """Who is the same customer on several channels."""

    auto_link: bool = Field(
        True,
        description="whether who first writes from a verified phone number or e-mail address is the customer"
        " known by it; tenants may say otherwise (policy field link_identities)",
    )
