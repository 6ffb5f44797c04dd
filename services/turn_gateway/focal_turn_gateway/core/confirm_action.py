"""Answer the question whether a tool may be called: record the answer, then open the turn in which it counts.

In this order, because an answer without a turn still counts in the next one, and a turn without its answer
would only ask again.
"""

from __future__ import annotations

from dataclasses import dataclass

from focal_turn_gateway.core.trigger_turn import TriggerTurn
from focal_turn_gateway.domain.answers import Answer, Answered
from focal_turn_gateway.ports.confirmations import Confirmations


@dataclass(frozen=True, slots=True)
class ConfirmAction:
    """Repeatable as a whole: whoever got no answer says the same again."""

    confirmations: Confirmations
    trigger: TriggerTurn

    async def __call__(self, answer: Answer) -> Answered:
        """Raises as `Confirmations.answer` and `TriggerTurn`."""
        expires_at = await self.confirmations.answer(answer)
        opened = await self.trigger(answer.trigger(), answer.request())
        return Answered(opened.turn_id, opened.already_open, expires_at)
