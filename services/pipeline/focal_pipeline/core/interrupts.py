"""What happens to messages that arrive while a turn runs: the gateway states facts, this decides.

SUPERSEDE while nothing has happened in the world, QUEUE from then on (DOMAIN §2.6, §2.7). Supersede
may cut a look-up or a generation short; an effect is never cut.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from focal_pipeline.domain.bundle import SideEffect
from focal_pipeline.domain.tools import Outcome
from focal_pipeline.domain.turn import Action, Decision, InterruptPoint, Message, PriorEffect, Turn
from focal_pipeline.ports import Output

T = TypeVar("T")


class Superseded(Exception):  # the end of an attempt, not an error
    """The attempt is dropped in favour of a turn that answers the new messages too."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.reason)
        self.decision = decision


class Interrupts:
    """The pending messages of one attempt and the decisions about them."""

    def __init__(self, turn: Turn, output: Output, *, limit: int) -> None:
        self._output = output
        self._seen = {message.message_id for message in turn.messages}
        self._undecided: list[str] = []
        self._arrived = asyncio.get_running_loop().create_future()
        self._queue_because = _reason_to_queue(turn, limit)

    def state(self, messages: Iterable[Message]) -> None:
        """Take note of messages that wait. A repeated message is the same fact."""
        for message in messages:
            if message.message_id not in self._seen:
                self._seen.add(message.message_id)
                self._undecided.append(message.message_id)
        if self._undecided and not self._arrived.done():
            self._arrived.set_result(None)

    def note_effect(self, policy: SideEffect, outcome: Outcome) -> None:
        """From an effect on, the turn is finished before new messages are looked at."""
        happened = outcome.succeeded or outcome.doubtful or outcome.commit_point_reached
        if policy is not SideEffect.PURE and happened:
            self._queue_because = f"tool {outcome.tool_name} has already run"

    async def check(self, point: InterruptPoint) -> None:
        """Decide about messages that nobody decided about yet. Raises Superseded."""
        if not self._undecided:
            return
        if not self._queue_because:
            raise self._superseded(point)
        decision = Decision(Action.QUEUE, point, self._queue_because, tuple(self._undecided))
        self._undecided.clear()
        await self._output.decision(decision)

    async def guard(self, work: Coroutine[Any, Any, T]) -> T:
        """Do work that has no effect on the world; a message that may supersede cuts it short."""
        if self._queue_because:
            return await work
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait((task, self._arrived), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise self._superseded(InterruptPoint.PHASE_BOUNDARY)
            return task.result()
        finally:
            await _ended(task)

    def _superseded(self, point: InterruptPoint) -> Superseded:
        reason = "the customer wrote again before anything had been done"
        return Superseded(Decision(Action.SUPERSEDE, point, reason, tuple(self._undecided)))


def _reason_to_queue(turn: Turn, limit: int) -> str:
    if any(map(_binds, turn.prior_effects)):
        return "an earlier attempt has already acted"
    if turn.supersede_count >= limit:
        return f"the intent was superseded {turn.supersede_count} times already"
    return ""


def _binds(effect: PriorEffect) -> bool:
    """An irreversible effect counts from its reservation on, any other once it happened."""
    if effect.policy is SideEffect.PURE:
        return False
    return effect.happened or effect.policy is SideEffect.IRREVERSIBLE


async def _ended(task: asyncio.Future[Any]) -> None:
    """Cancel what still runs, and let it close what it opened before going on."""
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        task.exception()  # it is either returned to the caller already or made moot by the decision
