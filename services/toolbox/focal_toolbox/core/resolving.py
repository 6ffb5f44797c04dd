"""Takes a person's word for what became of an effect in doubt."""

from __future__ import annotations

from focal_toolbox import errors
from focal_toolbox.domain.doubt import Ruling, Statement
from focal_toolbox.domain.effect import Effect
from focal_toolbox.ports.doubts import Doubts


async def resolve(doubts: Doubts, statement: Statement) -> Effect:
    """The effect as it then stands. Raises EffectNotFound, NotResolvable, RequestIdReused, Unavailable."""
    ruling, effect = await doubts.state(statement)
    if effect is None:
        raise errors.EffectNotFound(statement.effect_id)
    if ruling is Ruling.REUSED:
        raise errors.RequestIdReused
    if ruling is not Ruling.RESOLVED:
        raise errors.NotResolvable(effect.effect_id, effect.state)
    return effect
