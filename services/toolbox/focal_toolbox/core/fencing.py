"""Takes over a session's effects for a new attempt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from focal_toolbox.domain.effect import Effect
from focal_toolbox.ports.ledger import EffectLedger


@dataclass(frozen=True, slots=True)
class Fence:
    """The epoch in force and the turn group's effects, oldest first."""

    epoch: int
    effects: Sequence[Effect]


async def raise_fence(
    ledger: EffectLedger, tenant_id: str, session_id: str, epoch: int, turn_group_id: str
) -> Fence:
    """Refuse lower epochs from now on, then look.

    Nothing of a lower epoch can appear after the look, because the fence was there first.
    """
    in_force = await ledger.fence(tenant_id, session_id, epoch)
    return Fence(in_force, await ledger.of_group(tenant_id, session_id, turn_group_id))
