"""P7, planning: which bound tools are due, in the groups in which they run (DOMAIN §4.5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from focal_pipeline.core.rule_filter import Matched
from focal_pipeline.core.runtime import AgentRuntime
from focal_pipeline.domain.bundle import Scope, Step, ToolBinding, ToolMoment
from focal_pipeline.domain.course import Course
from focal_pipeline.domain.tools import Origin, Planned

_SCOPE_ORDER = {Scope.GLOBAL: 0, Scope.SCENARIO: 1, Scope.STEP: 2}
_MOMENT_ORDER = (ToolMoment.BEFORE_STEP, ToolMoment.DURING_STEP, ToolMoment.AFTER_STEP)


@dataclass(frozen=True, slots=True)
class Group:
    """Tools among which only `depends_on` orders; groups run one after another.

    `step_id` is the step that stands or falls with the group's critical tools, "" for rules.
    """

    step_id: str
    tools: tuple[Planned, ...]


def of_rules(runtime: AgentRuntime, matched: Iterable[Matched], *, without: str = "") -> Iterator[Group]:
    """The rules' tools: GLOBAL, then SCENARIO, then STEP; best rule first in each; none called `without`."""
    in_order = sorted(matched, key=lambda each: _SCOPE_ORDER[each.rule.scope])
    for moment in _MOMENT_ORDER:
        planned = [
            found
            for each in in_order
            for binding in each.rule.tool_bindings
            if binding.when is moment
            and binding.tool_name != without
            and (found := _planned(runtime, binding, Origin(each.rule.rule_id)))
        ]
        if planned:
            yield Group("", tuple(planned))


def of_course(runtime: AgentRuntime, course: Course, first: int) -> Iterator[Group]:
    """The steps' tools along the path, from path position `first` on.

    On the step where the scenario stood before the turn, what succeeded there before does not run
    again. Tools for after a step run where the path leaves it.
    """
    for position in range(max(first - 1, 0), len(course.path)):
        step = course.scenario.by_id[course.path[position]]
        settled = course.instance.finished_tools if position == 0 and not course.started else ()
        moments = list(_MOMENT_ORDER[:2]) if position >= first else []
        if position + 1 < len(course.path):
            moments.append(ToolMoment.AFTER_STEP)
        for moment in moments:
            group = _of_step(runtime, course, step, moment, settled)
            if group.tools:
                yield group


def _of_step(
    runtime: AgentRuntime, course: Course, step: Step, moment: ToolMoment, settled: Iterable[str]
) -> Group:
    origin = Origin(scenario_id=course.scenario.scenario_id, step_id=step.step_id)
    bindings = (b for b in step.tool_bindings if b.when is moment and b.tool_name not in settled)
    planned = (_planned(runtime, binding, origin) for binding in bindings)
    return Group(step.step_id, tuple(found for found in planned if found))


def _planned(runtime: AgentRuntime, binding: ToolBinding, origin: Origin) -> Planned | None:
    """The binding with its tool's policy; a disabled tool is not bound."""
    tool = runtime.tools.get(binding.tool_name)
    return Planned(binding, tool.policy, origin) if tool else None
