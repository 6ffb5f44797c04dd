"""What happens to messages that arrive while a turn runs: the gateway states facts, this decides.

In this order (DOMAIN §2.6, §2.7): past the commit point QUEUE; what the brain judges; what the channel
says; QUEUE once something has happened in the world, SUPERSEDE before. What the channel says counts while
all that has happened can be undone. A decision may cut a look-up or a generation short; an effect is never
cut.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from focal_pipeline.core import judging
from focal_pipeline.core.judging import Judge, Situation, Standing, Verdict
from focal_pipeline.domain.bundle import SideEffect
from focal_pipeline.domain.tools import Outcome
from focal_pipeline.domain.turn import (
    AbsorbStrategy,
    Action,
    Decision,
    InterruptPoint,
    Message,
    PriorEffect,
    Turn,
)
from focal_pipeline.ports import Output

T = TypeVar("T")

_ACTED_BEFORE = "an earlier attempt has already acted"


class Superseded(Exception):  # the end of an attempt, not an error
    """The attempt is dropped in favour of a turn that answers the new messages too."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.reason)
        self.decision = decision


class Restarted(Exception):  # the same attempt from its beginning, not an error
    """The attempt begins again with the messages it has absorbed."""


class Interrupts:
    """The pending messages of one attempt and the decisions about them.

    `standing` is kept current by the phases, `restarts` counts how often the attempt began again, `limit` is
    how often one intent may be superseded or restarted. Without a judge every message gets the default.
    """

    def __init__(self, turn: Turn, output: Output, *, limit: int, judge: Judge | None = None) -> None:
        self._turn = turn
        self._output = output
        self._limit = limit
        self._judge = judge
        self._seen = {message.message_id for message in turn.messages}
        self._undecided: list[Message] = []
        self._arrived = asyncio.get_running_loop().create_future()
        self._waits = False
        self._acted = _ACTED_BEFORE if any(map(_happened, turn.prior_effects)) else ""
        self._past_commit_point = any(map(_irreversible, turn.prior_effects))
        self._lasts = any(_happened(effect) and not _can_be_undone(effect) for effect in turn.prior_effects)
        self._undoable = {
            effect.effect_id: effect.tool_name for effect in turn.prior_effects if _can_be_undone(effect)
        }
        self.standing = Standing()
        self.restarts = 0
        self.absorbed: tuple[Message, ...] = ()
        """Messages taken into the turn so far, in session order."""

    @property
    def undoable(self) -> Mapping[str, str]:
        """Effects of the turn group so far that can be undone: their ids, and the tools that caused them."""
        return self._undoable

    @property
    def settled(self) -> bool:
        """Whether every message that has arrived was decided about."""
        return not self._undecided

    def state(self, messages: Iterable[Message]) -> None:
        """Take note of messages that wait. A repeated message is the same fact."""
        for message in messages:
            if message.message_id not in self._seen:
                self._seen.add(message.message_id)
                self._undecided.append(message)
        if self._undecided and not self._arrived.done():
            self._arrived.set_result(None)

    def note_effect(self, policy: SideEffect, outcome: Outcome, turn_group_id: str = "") -> None:
        """From an effect on, the turn is finished before new messages are looked at, unless the channel says
        otherwise and it can be undone. One of another turn group is not this turn's to undo.
        """
        happened = outcome.succeeded or outcome.doubtful or outcome.commit_point_reached
        if policy is not SideEffect.PURE and happened:
            self._acted = f"tool {outcome.tool_name} has already run"
            own = turn_group_id in {"", self._turn.turn_group_id}
            if own and policy is SideEffect.COMPENSATABLE and outcome.succeeded:
                self._undoable[outcome.effect_id] = outcome.tool_name
            else:
                self._lasts = True
            self._past_commit_point |= policy is SideEffect.IRREVERSIBLE or outcome.commit_point_reached

    def leave_waiting(self) -> None:
        """A message of the session waits behind this turn: none that came later may overtake it."""
        self._waits = True

    async def check(self, point: InterruptPoint) -> None:
        """Decide about messages that nobody decided about yet. Raises Superseded, Restarted."""
        if not self._undecided:
            return
        verdict = self._verdict(point)
        taken = tuple(self._undecided)
        ids = tuple(message.message_id for message in taken)
        decision = Decision(verdict.action, point, verdict.reason, ids, verdict.strategy)
        if verdict.action is Action.SUPERSEDE:
            raise Superseded(decision)
        self._undecided.clear()
        self._arrived = asyncio.get_running_loop().create_future()
        if verdict.action is Action.ABSORB:
            self.absorbed += taken
        else:
            self.leave_waiting()
        await self._output.decision(decision)
        if verdict.strategy is AbsorbStrategy.RESTART:
            self.restarts += 1
            self.standing = Standing()
            raise Restarted

    async def guard(self, work: Coroutine[Any, Any, T]) -> T:
        """Do work that has no effect on the world. A message is decided about as it arrives: it may cut the
        work short, or let it go on.
        """
        task = asyncio.ensure_future(work)
        try:
            while True:
                await asyncio.wait((task, self._arrived), return_when=asyncio.FIRST_COMPLETED)
                if task.done():
                    return task.result()
                await self.check(InterruptPoint.PHASE_BOUNDARY)
        finally:
            await _ended(task)

    def _verdict(self, point: InterruptPoint) -> Verdict:
        if self._past_commit_point:
            return Verdict(Action.QUEUE, self._acted or _ACTED_BEFORE)
        verdict = self._judged(point) or self._by_channel(point) or self._by_default()
        if verdict.action is Action.ABSORB and self._waits:
            return Verdict(Action.QUEUE, "a message before it waits already")
        again = verdict.action is Action.SUPERSEDE or verdict.strategy is AbsorbStrategy.RESTART
        times = self._turn.supersede_count + self.restarts
        if again and times >= self._limit:
            return Verdict(Action.QUEUE, f"the intent was superseded {times} times already")
        return verdict

    def _judged(self, point: InterruptPoint) -> Verdict | None:
        if self._judge is None:
            return None
        messages = (*self._turn.messages, *self.absorbed)
        acted = bool(self._acted)
        return self._judge.judge(Situation(point, messages, tuple(self._undecided), self.standing, acted))

    def _by_channel(self, point: InterruptPoint) -> Verdict | None:
        """The channel's own default. A turn is neither replaced nor added to once it did what nothing undoes,
        or what nobody knows to have happened.
        """
        action = self._turn.supersede_default
        if action is None:
            return None
        if self._lasts and action in {Action.SUPERSEDE, Action.ABSORB}:
            return Verdict(Action.QUEUE, self._acted)
        verdict = Verdict(action, f"the channel's default is {action.value}")
        if action is not Action.ABSORB:
            return verdict
        return replace(verdict, strategy=judging.strategy_at(point))

    def _by_default(self) -> Verdict:
        if self._acted:
            return Verdict(Action.QUEUE, self._acted)
        return Verdict(Action.SUPERSEDE, "the customer wrote again before anything had been done")


def _irreversible(effect: PriorEffect) -> bool:
    """An irreversible effect counts from its reservation on."""
    return effect.policy is SideEffect.IRREVERSIBLE


def _can_be_undone(effect: PriorEffect) -> bool:
    """Publishing has made sure that a COMPENSATABLE tool names what undoes it."""
    return effect.policy is SideEffect.COMPENSATABLE and effect.happened and not effect.doubtful


def _happened(effect: PriorEffect) -> bool:
    return effect.policy is not SideEffect.PURE and effect.happened


async def _ended(task: asyncio.Future[Any]) -> None:
    """Cancel what still runs, and let it close what it opened before going on."""
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        task.exception()  # it is either returned to the caller already or made moot by the decision
