"""The ladder: on which other channels a reply may be sent that could not be delivered on its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from focal_turn_gateway.domain.channels import Registry


class Refusal(StrEnum):
    """Why a reply is not sent on another channel. The first two are facts of the deployment; the others are
    looked up in the transaction that would send it.
    """

    NO_OUTBOUND = "NO_OUTBOUND"
    TOO_MANY_STEPS = "TOO_MANY_STEPS"
    NO_CONTACT = "NO_CONTACT"
    NOT_OPTED_IN = "NOT_OPTED_IN"
    NOT_VERIFIED = "NOT_VERIFIED"
    RATE_LIMIT = "RATE_LIMIT"
    STALE = "STALE"


@dataclass(frozen=True, slots=True)
class Rung:
    """A channel to send on, unless there is a `refusal`; `tried` are the channels above it, the first one
    first.
    """

    channel: str
    tried: tuple[str, ...]
    refusal: Refusal | None = None


def rungs(registry: Registry, channel: str, tried: Sequence[str], max_steps: int) -> list[Rung]:
    """What comes below a channel on which delivery failed, after those that were `tried` before it: at most
    `max_steps` channels under the first, none twice. One step too many is the last and says so.
    """
    above = (*tried, channel)
    found: list[Rung] = []
    while (following := registry.channel(above[-1]).capability.fallback) and following not in above:
        if len(above) > max_steps:
            return [*found, Rung(following, above, Refusal.TOO_MANY_STEPS)]
        outbound = registry.channel(following).capability.outbound
        found.append(Rung(following, above, None if outbound else Refusal.NO_OUTBOUND))
        above = (*above, following)
    return found
