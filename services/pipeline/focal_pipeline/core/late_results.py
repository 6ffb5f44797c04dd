"""The result that a turn was opened with: what an asynchronous tool, or an effect in doubt, came to, hours
after its turn.

A scenario that waits on the step of the tool asks the toolbox again and goes on by itself, as it does after a
doubt. This is for all others: a rule brought the tool in, or the conversation has gone elsewhere meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from focal_pipeline.core.runtime import AgentRuntime
from focal_pipeline.domain import values
from focal_pipeline.domain.bundle import Rule
from focal_pipeline.domain.turn import Turn

WELL = "SUCCESS"


@dataclass(frozen=True, slots=True)
class LateResult:
    """What was reported: the parsed result of a tool that did its work, or why it did not."""

    tool_name: str
    succeeded: bool
    result: Any = None
    error_reason: str = ""


def of(turn: Turn) -> LateResult | None:
    """The result that nothing else in the turn takes up; None when there is none."""
    told = turn.trigger
    tool_name = told.get("tool")
    if not turn.cause.tells_of_a_tool or not isinstance(tool_name, str) or not tool_name:
        return None
    active = turn.state.active
    if active is not None and tool_name in active.doubtful_tools:
        return None
    return LateResult(tool_name, told.get("status") == WELL, told.get("result"), str(told.get("reason", "")))


def variables(late: LateResult, runtime: AgentRuntime) -> Mapping[str, Any]:
    """The values that the rules' bindings of the tool take from its result."""
    if not late.succeeded:
        return {}
    bindings = (b for rule in _rules(runtime) for b in rule.tool_bindings if b.tool_name == late.tool_name)
    found = {
        name: values.at_path(late.result, path) for b in bindings for name, path in b.result_variables.items()
    }
    return {name: value for name, value in found.items() if value is not None}


def reported_tool(turn: Turn) -> str:
    """The tool that no rule calls in this turn: its report may sound like the wish that it answers. Empty
    when a customer has written too.
    """
    told = turn.trigger.get("tool")
    return told if turn.cause.tells_of_a_tool and not turn.messages and isinstance(told, str) else ""


def _rules(runtime: AgentRuntime) -> Iterator[Rule]:
    yield from runtime.table.rules
    for rules in runtime.always.values():
        yield from rules
