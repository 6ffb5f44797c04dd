"""The channels customers write on and the pause each one usually needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from focal_turn_gateway import errors

# DOMAIN §2.5, channel base in milliseconds. E-mail and voice come as whole turns; `api` callers aggregate
# themselves.
BASE_WINDOW_MS: Mapping[str, int] = {
    "whatsapp": 1200,
    "telegram": 1000,
    "sms": 800,
    "web": 600,
    "slack": 800,
    "teams": 800,
    "email": 0,
    "voice": 0,
    "api": 0,
}
_ALIASES = {"webchat": "web", "phone": "voice"}


def resolve(name: str) -> str:
    """The registered name of a channel, aliases followed.

    Raises UnknownChannel.
    """
    channel = _ALIASES.get(name, name)
    if channel not in BASE_WINDOW_MS:
        raise errors.UnknownChannel(name, sorted(BASE_WINDOW_MS))
    return channel


@dataclass(frozen=True, slots=True)
class Bases:
    """`ports.ChannelBases` from the registry, with a deployment's `overrides` by channel, in milliseconds."""

    overrides: Mapping[str, int]

    def base_ms(self, tenant_id: str, agent_id: str, channel: str) -> int:
        """The base of a registered channel; the same for every tenant and agent."""
        return self.overrides.get(channel, BASE_WINDOW_MS[channel])
