"""What a tool must say before it may change the world."""

from collections.abc import Iterator

from focal_config_watcher.core.authoring.checks import naming
from focal_config_watcher.core.authoring.draft import Draft, Origin
from focal_config_watcher.core.authoring.folder import Kind
from focal_config_watcher.domain.authoring.tool import Tool
from focal_config_watcher.domain.problem import Problem


def check(draft: Draft) -> Iterator[Problem]:
    """Missing business keys and compensations; irreversible tools that a mere rule sets off."""
    for tool_id, tool in draft.tools.items():
        origin = draft.origin(Kind.TOOLS, tool_id)
        yield from _business_key(origin, tool)
        if tool.policy == "compensatable" and not tool.compensation:
            message = "name the tool that undoes it: `compensation: that_tool`"
            yield origin.error("NO_COMPENSATION", message, "policy")
    for rule_id, rule in draft.rules.items():
        for index, binding in enumerate(rule.tools):
            bound = draft.tools.get(binding.tool)
            if bound and bound.policy == "irreversible" and not bound.confirm:
                message = (
                    f"`{binding.tool}` cannot be undone and a rule runs it unasked; bind it to a "
                    "step behind a checkpoint, or give the tool a `confirm:` text"
                )
                origin = draft.origin(Kind.RULES, rule_id)
                yield origin.warning("NO_CHECKPOINT", message, "tools", index, "tool")


def _business_key(origin: Origin, tool: Tool) -> Iterator[Problem]:
    if tool.acts() and not tool.business_key:
        message = (
            f"a tool that is {tool.policy} needs `business_key:`, the arguments that say which "
            "operation it is, e.g. [order_id]"
        )
        yield origin.error("NO_BUSINESS_KEY", message, "policy")
    required = tool.parameters.get("required", [])
    known = required if isinstance(required, list) else []
    for index, name in enumerate(tool.business_key):
        if name not in known:
            message = naming.missing("required argument", name, known)
            yield origin.error("BAD_BUSINESS_KEY", message, "business_key", index)
