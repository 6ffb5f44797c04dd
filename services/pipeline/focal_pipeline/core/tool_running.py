"""P7: runs the due tools of a turn, plan first, and knows what came of them."""

from __future__ import annotations

import asyncio
import graphlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from focal_pipeline.core import tool_plan
from focal_pipeline.core.bound_tools import Group
from focal_pipeline.core.consent import Consent
from focal_pipeline.core.interrupts import Interrupts
from focal_pipeline.core.known import Known
from focal_pipeline.core.runtime import AgentRuntime
from focal_pipeline.core.tool_arguments import Arguments
from focal_pipeline.core.tool_plan import StoredCall, StoredPlan
from focal_pipeline.domain import tools, values
from focal_pipeline.domain.bundle import SideEffect
from focal_pipeline.domain.course import Course
from focal_pipeline.domain.tools import Call, Outcome, Planned, Ran, Status
from focal_pipeline.domain.turn import Event, InterruptPoint, Message, Severity, Turn
from focal_pipeline.ports import Output, Toolbox
from focal_pipeline.settings import ToolSettings

Due = tuple[Planned, Call]


@dataclass(frozen=True)
class Attempt:
    """What one attempt's tool calls have in common."""

    turn: Turn
    runtime: AgentRuntime
    plan: StoredPlan | None
    known: Known
    interrupts: Interrupts
    output: Output
    consent: Consent


class ToolRunning:
    """The tools of one attempt. `ran` holds every call with its outcome, in order."""

    def __init__(
        self, attempt: Attempt, toolbox: Toolbox, arguments: Arguments, limits: ToolSettings
    ) -> None:
        self._attempt = attempt
        self._toolbox = toolbox
        self._arguments = arguments
        self._limits = limits
        self._planned: list[Due] = []
        self._promised = {_key(c) for c in attempt.plan.calls} if attempt.plan else set()
        self._promised_to: tuple[Message, ...] = attempt.turn.messages if attempt.plan else ()
        self._outcomes: dict[str, Outcome] = {}
        self.ran: list[Ran] = []
        self.skipped: list[Planned] = []
        self._context = tools.Context(
            agent_id=attempt.turn.agent_id,
            config_version=attempt.runtime.version,
            session_id=attempt.turn.session_id,
            turn_id=attempt.turn.turn_id,
            epoch=attempt.turn.epoch,
            customer_id=attempt.turn.customer_id,
        )

    async def run(self, groups: Iterable[Group], course: Course | None) -> str | None:
        """Run groups in order until a critical tool of one fails or a call waits for a yes; returns the step
        of that group, "" for the rules', None when all went well. Raises Superseded and Fenced.

        A critical tool that lacks a variable holds up only a step that the path has left.
        """
        for group in groups:
            went_well = await self._run_group(group, course)
            if not went_well:
                return group.step_id
        return None

    def succeeded(self, planned: Planned) -> bool:
        """Whether the bound tool succeeded in this attempt."""
        return any(r.outcome.succeeded for r in self.ran if r.planned == planned)

    async def _run_group(self, group: Group, course: Course | None) -> bool:
        waiting = graphlib.TopologicalSorter(_dependencies(group.tools))
        waiting.prepare()
        while waiting.is_active():
            ready = sorted(waiting.get_ready())
            due = [await self._due(group.tools[number]) for number in ready]
            ran = await self._run_together([d for d in due if d], course)
            if any(map(_stops, ran)):
                return False
            waiting.done(*ready)
        return not self._held_up(group, course)

    def _held_up(self, group: Group, course: Course | None) -> bool:
        left = course is not None and group.step_id in course.path[:-1]
        return left and any(s.binding.critical for s in self.skipped if s in group.tools)

    async def _due(self, planned: Planned) -> Due | None:
        """The exact call of a bound tool; None when it lacks a value or a tool it depends on."""
        arguments_json = await self._arguments_of(planned)
        if arguments_json is None or not self._dependencies_met(planned):
            self.skipped.append(planned)
            return None
        tool = self._attempt.runtime.tools[planned.tool_name]
        turn_group_id = self._turn_group(planned)
        call = Call(
            tool_name=planned.tool_name,
            arguments_json=arguments_json,
            policy=planned.policy,
            turn_group_id=turn_group_id,
            critical=planned.binding.critical,
            timeout_s=tool.timeout_s or self._limits.timeout_s,
            no_retry=turn_group_id != self._attempt.turn.turn_group_id,
        )
        return planned, call

    async def _arguments_of(self, planned: Planned) -> str | None:
        """From the stored plan when it has the call, as it was asked about when a rule's call was answered,
        else filled now.
        """
        promised = self._attempt.plan.call_of(planned) if self._attempt.plan else None
        if promised is not None:
            return promised.arguments_json
        asked = self._attempt.consent.arguments_of(planned)
        if asked is not None:
            return asked
        tool = self._attempt.runtime.tools[planned.tool_name]
        filling = self._arguments.fill(planned.binding, tool)
        return await self._attempt.interrupts.guard(filling)

    def _turn_group(self, planned: Planned) -> str:
        """The turn's group; for an effect in doubt the group it was caused in, so that the ledger
        tells what became of it instead of doing it again.
        """
        active = self._attempt.turn.state.active
        own = active is not None and active.step_id == planned.origin.step_id
        doubtful = active.doubtful_tools if active is not None and own else {}
        return doubtful.get(planned.tool_name, self._attempt.turn.turn_group_id)

    def _dependencies_met(self, planned: Planned) -> bool:
        done = {r.planned.tool_name for r in self.ran if r.outcome.succeeded}
        active = self._attempt.turn.state.active
        if active is not None and active.step_id == planned.origin.step_id:
            done.update(active.finished_tools)
        return done.issuperset(planned.binding.depends_on)

    async def _run_together(self, due: Sequence[Due], course: Course | None) -> list[Ran]:
        """PURE calls side by side, then the others one by one."""
        pure = [each for each in due if each[1].policy is SideEffect.PURE]
        effects = [each for each in due if each[1].policy is not SideEffect.PURE]
        self._planned.extend(due)
        ran: list[Ran] = []
        if pure:
            calls = {_key(call): call for _, call in pure}
            await self._attempt.interrupts.guard(_all_of([self._call(call) for call in calls.values()]))
            ran += [self._settle(planned, call) for planned, call in pure]
        for each in effects:
            if any(map(_stops, ran)):
                break
            ran.append(await self._run_effect(*each, course))
        return ran

    async def _run_effect(self, planned: Planned, call: Call, course: Course | None) -> Ran:
        """The plan is durable before the effect; pending messages are looked at right before it."""
        interrupts = self._attempt.interrupts
        while not (self._is_promised(call) and interrupts.settled):
            if not self._is_promised(call):
                await self._promise(course)
            await interrupts.check(InterruptPoint.PRE_EFFECT)
        await self._call(call)
        return self._settle(planned, call)

    def _is_promised(self, call: Call) -> bool:
        return _key(call) in self._promised and self._messages == self._promised_to

    async def _promise(self, course: Course | None) -> None:
        attempt, messages = self._attempt, self._messages
        turn = replace(attempt.turn, messages=messages)
        plan = tool_plan.artifact(
            turn,
            attempt.runtime.version,
            attempt.known.set_this_turn,
            course,
            self._planned,
            attempt.consent.agreed,
        )
        await attempt.interrupts.guard(attempt.output.store(plan))
        self._promised.update(_key(c) for _, c in self._planned)
        self._promised_to = messages

    @property
    def _messages(self) -> tuple[Message, ...]:
        """The messages that the turn answers as it stands: those taken in meanwhile belong to the plan."""
        messages = (*self._attempt.turn.messages, *self._attempt.interrupts.absorbed)
        return tuple({message.message_id: message for message in messages}.values())

    async def _call(self, call: Call) -> None:
        """One call; an equal call of the same turn is made once and its result used twice."""
        if _key(call) in self._outcomes:
            return
        outcome = await self._attempt.consent.settle(call, self._toolbox)
        if outcome is None:
            context = replace(self._context, no_pending_messages=self._attempt.interrupts.settled)
            outcome = await self._toolbox.execute(context, call, self._started(call))
        self._outcomes[_key(call)] = outcome
        self._attempt.interrupts.note_effect(call.policy, outcome, call.turn_group_id)
        await self._attempt.output.event(_finished(call, outcome))

    def _settle(self, planned: Planned, call: Call) -> Ran:
        """Take the result's values; of a failed call the values of an earlier one are out of date."""
        known, outcome = self._attempt.known, self._outcomes[_key(call)]
        ran = Ran(planned, call, outcome)
        if outcome.succeeded:
            paths = planned.binding.result_variables
            found = {name: values.at_path(outcome.result, path) for name, path in paths.items()}
            ran = replace(ran, variables={name: value for name, value in found.items() if value is not None})
            known.set(ran.variables)
        else:
            known.forget(planned.binding.result_variables)
        self.ran.append(ran)
        return ran

    def _started(self, call: Call) -> Callable[[str], Awaitable[None]]:
        async def report(effect_id: str) -> None:
            payload = {"tool": call.tool_name, "effect_id": effect_id}
            await self._attempt.output.event(Event("tool", "started", payload))

        return report


def _stops(ran: Ran) -> bool:
    """Whether nothing may run after it: it failed and matters, or waits for a yes."""
    outcome = ran.outcome
    return outcome.waits or (ran.planned.binding.critical and not outcome.succeeded)


def _dependencies(planned: Sequence[Planned]) -> dict[int, set[int]]:
    """Positions each tool waits for, inside its group."""
    numbers: dict[str, set[int]] = defaultdict(set)
    for number, one in enumerate(planned):
        numbers[one.tool_name].add(number)
    return {
        number: set().union(*(numbers[name] for name in one.binding.depends_on)) - {number}
        for number, one in enumerate(planned)
    }


def _finished(call: Call, outcome: Outcome) -> Event:
    payload = {
        "tool": call.tool_name,
        "status": outcome.status.value,
        "effect_id": outcome.effect_id,
        "reason": outcome.error_reason,
    }
    went_well = outcome.succeeded or outcome.status is Status.STARTED
    return Event("tool", "finished", payload, Severity.INFO if went_well else Severity.WARN)


def _key(call: Call | StoredCall) -> str:
    return f"{call.tool_name} {call.arguments_json}"


async def _all_of(calls: Sequence[Coroutine[Any, Any, None]]) -> None:
    """All side by side; the first that raises cancels the rest and is raised."""
    try:
        async with asyncio.TaskGroup() as together:
            for call in calls:
                together.create_task(call)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
