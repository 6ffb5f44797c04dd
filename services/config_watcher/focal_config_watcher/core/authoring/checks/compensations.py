"""Tools that undo others: can they run by themselves, and do they get the arguments they need?"""

from __future__ import annotations

from collections.abc import Iterator

from focal_config_watcher.core.authoring.checks import handed_over
from focal_config_watcher.core.authoring.checks.handed_over import HandedOver
from focal_config_watcher.core.authoring.draft import Draft, Origin
from focal_config_watcher.core.authoring.folder import Kind
from focal_config_watcher.domain.authoring.tool import Tool
from focal_config_watcher.domain.problem import Problem


def check(draft: Draft) -> Iterator[Problem]:
    """Compensations that would do nothing, or that lack an argument."""
    for tool_id, tool in draft.tools.items():
        origin = draft.origin(Kind.TOOLS, tool_id)
        undo = draft.tools.get(tool.compensation or "")
        if tool.compensation_arguments and not tool.compensation:
            message = "there is no compensation whose arguments these could be: `compensation: that_tool`"
            yield origin.error("BAD_COMPENSATION", message, "compensation_arguments", key=True)
        elif undo is not None and undo is not tool:
            yield from _runs_by_itself(origin, tool, undo)
            yield from handed_over.check(origin, _given(tool, undo))


def _runs_by_itself(origin: Origin, tool: Tool, undo: Tool) -> Iterator[Problem]:
    if undo.policy == "pure":
        yield origin.error(
            "BAD_COMPENSATION", f"`{tool.compensation}` is pure, it undoes nothing", "compensation"
        )


def _given(tool: Tool, undo: Tool) -> HandedOver:
    return HandedOver(
        tool,
        undo,
        taker_name=tool.compensation or "",
        named=tool.compensation_arguments,
        where=("compensation_arguments",),
        named_at=("compensation",),
        sources=("arguments", "result"),
        reason="BAD_COMPENSATION",
        hint="`arguments.order_id` or a path such as `result.hold.id`",
    )
