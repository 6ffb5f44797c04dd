"""Checks of tools: can they tell what became of a call that may have happened?"""

from __future__ import annotations

from collections.abc import Iterator

from focal_config_watcher.core.authoring.checks import expressions, handed_over, naming
from focal_config_watcher.core.authoring.checks.handed_over import HandedOver
from focal_config_watcher.core.authoring.draft import Draft, Origin
from focal_config_watcher.core.authoring.folder import Kind
from focal_config_watcher.domain.authoring.tool import Check, Tool
from focal_config_watcher.domain.problem import Problem

REASON = "BAD_CHECK"


def check(draft: Draft) -> Iterator[Problem]:
    """Checks that ask nobody, that act themselves, that lack an argument, or whose answer cannot be read."""
    for tool_id, tool in draft.tools.items():
        if tool.check is None:
            continue
        origin = draft.origin(Kind.TOOLS, tool_id)
        yield from _needed(origin, tool)
        yield from _readable(origin, tool.check.happened)
        asked = draft.tools.get(tool.check.tool)
        if asked is not None:
            yield from _only_reads(origin, tool.check.tool, asked)
            yield from handed_over.check(origin, _given(tool, tool.check, asked))
        elif not draft.has(Kind.TOOLS, tool.check.tool):
            message = naming.missing("tool", tool.check.tool, draft.ids(Kind.TOOLS))
            yield origin.error("DANGLING_TOOL", message, "check", "tool")


def _needed(origin: Origin, tool: Tool) -> Iterator[Problem]:
    if tool.policy == "pure":
        message = "a pure tool does nothing that could be in doubt: leave `check` out"
        yield origin.error(REASON, message, "check", key=True)


def _readable(origin: Origin, happened: str) -> Iterator[Problem]:
    if message := expressions.problem(happened):
        yield origin.error(REASON, message, "check", "happened")


def _only_reads(origin: Origin, name: str, asked: Tool) -> Iterator[Problem]:
    if asked.policy != "pure":
        message = f"`{name}` is {asked.policy}; only a pure tool can be asked again and again"
        yield origin.error(REASON, message, "check", "tool")


def _given(tool: Tool, check: Check, asked: Tool) -> HandedOver:
    return HandedOver(
        tool,
        asked,
        taker_name=check.tool,
        named=check.arguments,
        where=("check", "arguments"),
        named_at=("check", "tool"),
        sources=("effect", "arguments"),
        reason=REASON,
        hint="`arguments.order_id`, or `effect.key`, the call's idempotency key; it has no result",
    )
