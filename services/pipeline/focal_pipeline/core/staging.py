"""P11: the session's next state and the result. Staged only; the gateway makes it real."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from focal_pipeline.core import stacking
from focal_pipeline.core.response_plan import ResponsePlan, ResponseType
from focal_pipeline.core.rule_filter import Matched
from focal_pipeline.core.runtime import AgentRuntime
from focal_pipeline.domain.bundle import SideEffect
from focal_pipeline.domain.course import Course
from focal_pipeline.domain.session import (
    AccumulationHint,
    ScenarioInstance,
    ScenarioStatus,
    SessionState,
    StepVisit,
    WaitingCall,
)
from focal_pipeline.domain.tools import Ran, Status
from focal_pipeline.domain.turn import ToolUse
from focal_pipeline.settings import ScenarioSettings

_OPEN = {ScenarioStatus.ACTIVE, ScenarioStatus.PAUSED}


@dataclass(frozen=True)
class Happened:
    """What a turn came to, as far as the session remembers it."""

    runtime: AgentRuntime
    state: SessionState
    variables: Mapping[str, Any]
    matched: Sequence[Matched]
    course: Course | None
    ran: Sequence[Ran]
    plan: ResponsePlan


def next_state(happened: Happened, limits: ScenarioSettings) -> SessionState:
    """The state after the turn."""
    turn_index = happened.state.turn_index + 1
    fired = [matched.rule.rule_id for matched in happened.matched]
    scenarios = _scenarios(happened, turn_index)
    return SessionState(
        scenarios=_kept(scenarios, limits.instances),
        variables=_variables(happened),
        rule_fire_counts=dict(Counter(happened.state.rule_fire_counts) + Counter(fired)),
        rule_last_turn={**happened.state.rule_last_turn, **dict.fromkeys(fired, turn_index)},
        turn_index=turn_index,
        last_intent_label=happened.state.last_intent_label,
        step_history=(*happened.state.step_history, *_visits(happened.course, turn_index))[-limits.history :],
        hint=_hint(happened),
        waiting=_waiting(happened),
    )


def _waiting(happened: Happened) -> WaitingCall | None:
    """The call that the reply asks about, or that an operator was asked about. A question that this reply
    does not put is not open to the customer's next words.
    """
    for one in happened.ran:
        question = one.outcome.question
        if question is None or not one.outcome.waits:
            continue
        if question.for_operator or question.confirmation_id == happened.plan.asked_about:
            return WaitingCall(
                confirmation_id=question.confirmation_id,
                tool_name=one.call.tool_name,
                arguments_json=one.call.arguments_json,
                prompt=question.prompt,
                rule_id=one.planned.origin.rule_id,
                scenario_id=one.planned.origin.scenario_id,
                step_id=one.planned.origin.step_id,
                for_operator=question.for_operator,
            )
    return None


def _goes_on(course: Course, ran: Sequence[Ran]) -> bool:
    return _status(course, ran, _on_last_step(course, ran)) is ScenarioStatus.ACTIVE


def completed(course: Course, ran: Iterable[Ran]) -> bool:
    """Whether the scenario ended: it rests on a terminal step whose critical tools succeeded."""
    return course.last.is_terminal and all(
        r.outcome.succeeded or not (r.planned.binding.critical or r.outcome.waits)
        for r in _on_last_step(course, ran)
    )


def tool_uses(ran: Iterable[Ran]) -> tuple[ToolUse, ...]:
    """The calls as the turn record keeps them."""
    recorded = {Status.REFUSED: "error", Status.STARTED: "in_doubt"}
    return tuple(
        ToolUse(
            tool_name=r.planned.tool_name,
            status=recorded.get(r.outcome.status, r.outcome.status.value),
            effect_id=r.outcome.effect_id,
            error_reason=r.outcome.error_reason,
        )
        for r in ran
    )


def left_effects(undoable: Mapping[str, str], ran: Sequence[Ran]) -> tuple[str, ...]:
    """Effects of the turn group that can be undone and that the turn does not rest on, in their order.

    `undoable` maps their ids to their tools. Where a call of the same tool is doubtful nobody knows which
    effect it met, so none of that tool is given up.
    """
    used = {one.outcome.effect_id for one in ran}
    unsure = {one.planned.tool_name for one in ran if one.outcome.doubtful}
    return tuple(
        effect_id
        for effect_id, tool_name in undoable.items()
        if effect_id not in used and tool_name not in unsure
    )


def _scenarios(happened: Happened, turn_index: int) -> list[ScenarioInstance]:
    """All instances after the turn, the one that runs last."""
    course = happened.course
    instances = [i if _stands(i, happened.runtime) else _cancelled(i) for i in happened.state.scenarios]
    if course is None:
        return instances
    others = [i for i in instances if i is not course.instance]
    moved = _moved(course, happened.ran, turn_index)
    if course.started:
        others = [stacking.paused(instance) for instance in others]
    if moved.status is not ScenarioStatus.ACTIVE:
        others = stacking.resumed(others)
        return [moved, *others] if stacking.runs(others) else [*others, moved]
    return [*others, moved]


def _moved(course: Course, ran: Sequence[Ran], turn_index: int) -> ScenarioInstance:
    on_step = _on_last_step(course, ran)
    stayed = not course.started and len(course.path) == 1
    before = course.instance if stayed else ScenarioInstance(course.scenario.scenario_id, course.path[-1])
    finished = (*before.finished_tools, *(r.planned.tool_name for r in on_step if r.outcome.succeeded))
    asked_again = {r.planned.tool_name for r in on_step}
    doubtful = {tool: group for tool, group in before.doubtful_tools.items() if tool not in asked_again}
    doubtful |= {r.planned.tool_name: r.call.turn_group_id for r in on_step if r.outcome.doubtful}
    return replace(
        course.instance,
        step_id=course.path[-1],
        status=_status(course, ran, on_step),
        updated_at_turn=course.instance.updated_at_turn if stayed else turn_index,
        low_confidence_turns=course.low_confidence_turns,
        finished_tools=tuple(dict.fromkeys(finished)),
        doubtful_tools=doubtful,
    )


def _status(course: Course, ran: Iterable[Ran], on_step: Iterable[Ran]) -> ScenarioStatus:
    """An effect that was asked for and definitely did not happen ends the scenario: it stands on a
    step behind the customer's yes, and money is not moved again without a fresh one.
    """
    careful = {SideEffect.COMPENSATABLE, SideEffect.IRREVERSIBLE}
    for one in on_step:
        refused = not (one.outcome.succeeded or one.outcome.doubtful or one.outcome.waits)
        if refused and one.planned.binding.critical and one.planned.policy in careful:
            return ScenarioStatus.CANCELLED
    return ScenarioStatus.COMPLETED if completed(course, ran) else ScenarioStatus.ACTIVE


def _on_last_step(course: Course, ran: Iterable[Ran]) -> list[Ran]:
    place = (course.scenario.scenario_id, course.path[-1])
    return [r for r in ran if (r.planned.origin.scenario_id, r.planned.origin.step_id) == place]


def _stands(instance: ScenarioInstance, runtime: AgentRuntime) -> bool:
    """Whether the bundle still has the scenario and the step."""
    scenario = runtime.scenarios.get(instance.scenario_id)
    return scenario is not None and instance.step_id in scenario.by_id


def _cancelled(instance: ScenarioInstance) -> ScenarioInstance:
    gone = instance.status in _OPEN
    return replace(instance, status=ScenarioStatus.CANCELLED) if gone else instance


def _kept(instances: Sequence[ScenarioInstance], most: int) -> tuple[ScenarioInstance, ...]:
    """Ended ones go first, oldest first."""
    ended = [i for i in instances if i.status not in _OPEN]
    dropped = {id(i) for i in ended[: max(len(instances) - most, 0)]}
    return tuple(i for i in instances if id(i) not in dropped)


def _variables(happened: Happened) -> Mapping[str, Any]:
    """What the session keeps: values scoped to a scenario go when their scenario has ended."""
    course = happened.course
    ended = course is not None and not _goes_on(course, happened.ran)
    gone = frozenset(_collected_in(course)) if course is not None and ended else frozenset()
    readers = happened.runtime.readers
    return {
        name: value
        for name, value in happened.variables.items()
        if not (name in gone and name in readers and readers[name].variable.scenario_scoped)
    }


def _collected_in(course: Course) -> Iterator[str]:
    for step in course.scenario.steps:
        yield from step.collects
        for binding in step.tool_bindings:
            yield from binding.result_variables


def _visits(course: Course | None, turn_index: int) -> tuple[StepVisit, ...]:
    if course is None:
        return ()
    scenario_id = course.scenario.scenario_id
    steps = course.steps if course.started else course.steps[1:]
    return tuple(StepVisit(scenario_id, s.step_id, turn_index, s.is_checkpoint) for s in steps)


def _hint(happened: Happened) -> AccumulationHint:
    asks = happened.plan.type in {ResponseType.ASK, ResponseType.CONFIRM}
    open_course = happened.course is not None and _goes_on(happened.course, happened.ran)
    return AccumulationHint(
        awaiting_required_field=asks,
        expects_followup=open_course,
        expected_input_type=happened.plan.asked_variable if asks else "",
    )
