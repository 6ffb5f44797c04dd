"""Tools that undo others: can they run by themselves, and do they get the arguments they need?"""

from __future__ import annotations

from collections.abc import Iterator

from focal_config_watcher.core.authoring.checks import naming, schemas
from focal_config_watcher.core.authoring.draft import Draft, Origin
from focal_config_watcher.core.authoring.folder import Kind
from focal_config_watcher.domain.authoring.tool import Tool
from focal_config_watcher.domain.problem import Problem

_SOURCES = ("arguments", "result")


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
            if schemas.sound(tool) and schemas.sound(undo):
                yield from _arguments(origin, tool, undo)


def _runs_by_itself(origin: Origin, tool: Tool, undo: Tool) -> Iterator[Problem]:
    if undo.policy == "pure":
        yield origin.error(
            "BAD_COMPENSATION", f"`{tool.compensation}` is pure, it undoes nothing", "compensation"
        )


def _arguments(origin: Origin, tool: Tool, undo: Tool) -> Iterator[Problem]:
    own, taken = tool.argument_names(), undo.argument_names()
    for name, path in tool.compensation_arguments.items():
        source, _, rest = path.partition(".")
        where = ("compensation_arguments", name)
        if name not in taken:
            message = naming.missing(f"argument of `{tool.compensation}`", name, taken)
            yield origin.error("UNKNOWN_ARGUMENT", message, *where, key=True)
        elif source not in _SOURCES or not rest:
            message = "write where it comes from: `arguments.order_id` or a path such as `result.hold.id`"
            yield origin.error("BAD_COMPENSATION", message, *where)
        elif source == "arguments" and rest.partition(".")[0] not in own:
            message = naming.missing("argument of this tool", rest.partition(".")[0], own)
            yield origin.error("UNKNOWN_ARGUMENT", message, *where)
    required = undo.parameters.get("required", [])
    for name in required if isinstance(required, list) else []:
        if name not in own and name not in tool.compensation_arguments:
            message = (
                f"`{tool.compensation}` needs `{name}` and this tool has no such argument; say where it"
                f" comes from: `compensation_arguments: {{{name}: result.…}}`"
            )
            yield origin.error("MISSING_ARGUMENT", message, "compensation")
