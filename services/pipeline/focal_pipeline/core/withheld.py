"""Tools that rules and steps would call now, but that exist without being enabled for the agent.

Nothing calls them, so nothing fails; without this a prepared text would speak of what never happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from focal_pipeline.core.rule_filter import Matched
from focal_pipeline.core.runtime import AgentRuntime
from focal_pipeline.domain.bundle import SideEffect, Tool, ToolBinding, ToolMoment
from focal_pipeline.domain.course import Course


@dataclass(frozen=True, slots=True)
class Withheld:
    """A tool with the rule or step that binds it; `critical` when nothing further may be said as done."""

    tool: Tool
    critical: bool
    rule_id: str = ""
    step_id: str = ""

    @property
    def acts(self) -> bool:
        """Whether the customer would have to believe that something happened."""
        return self.critical and self.tool.policy is not SideEffect.PURE

    @property
    def guidance(self) -> str:
        """What a model is told about it."""
        what = f" ({self.tool.description})" if self.tool.description else ""
        return f"{self.tool.name}{what} exists, but is not enabled here and was not called; say so honestly"


def find(
    runtime: AgentRuntime, known: Mapping[str, Any], matched: Iterable[Matched], course: Course | None
) -> Sequence[Withheld]:
    """The tools withheld this turn: of the rules that matched, and of the steps arrived at."""
    if not runtime.not_enabled:
        return ()
    found: dict[tuple[str, str, str], Withheld] = {}
    for rule_id, step_id, binding in (*_of_rules(matched), *_of_course(course)):
        tool = runtime.not_enabled.get(binding.tool_name)
        if tool is not None and all(name in known for name in binding.required_variables):
            found[tool.name, rule_id, step_id] = Withheld(tool, binding.critical, rule_id, step_id)
    return tuple(found.values())


def _of_rules(matched: Iterable[Matched]) -> Iterator[tuple[str, str, ToolBinding]]:
    for each in matched:
        for binding in each.rule.tool_bindings:
            yield each.rule.rule_id, "", binding


def _of_course(course: Course | None) -> Iterator[tuple[str, str, ToolBinding]]:
    """Those for after a step are due where the path has left it."""
    if course is None:
        return
    for position, step in enumerate(course.steps):
        rests = position == len(course.path) - 1
        for binding in step.tool_bindings:
            after = binding.when is ToolMoment.AFTER_STEP
            if not rests if after else rests or step.step_id in course.entered:
                yield "", step.step_id, binding
