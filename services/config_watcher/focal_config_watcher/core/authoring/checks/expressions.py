"""Whether a JMESPath expression can be read, before a customer's call depends on it."""

from collections.abc import Iterator
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions

from focal_config_watcher.core.authoring.checks import naming
from focal_config_watcher.core.authoring.draft import Draft
from focal_config_watcher.core.authoring.folder import Kind
from focal_config_watcher.domain.problem import Problem

_OF_REQUESTS = ("success", "error", "result")


def check(draft: Draft) -> Iterator[Problem]:
    """Expressions that are none, and functions that do not exist or get another number of arguments."""
    for tool_id, tool in draft.tools.items():
        origin = draft.origin(Kind.TOOLS, tool_id)
        for key in _OF_REQUESTS if tool.http else ():
            text = getattr(tool.http, key)
            if text and (message := problem(text)):
                yield origin.error("BAD_EXPRESSION", message, "http", key)


def problem(text: str) -> str:
    """What is wrong with an expression; empty for nothing."""
    try:
        parsed = jmespath.compile(text).parsed
    except JMESPathError as error:
        return f"not JMESPath: {' '.join(str(error).split())[:200]}"
    return next(_of_functions(parsed), "")


def _of_functions(node: Any) -> Iterator[str]:
    if not isinstance(node, dict):
        return
    if node.get("type") == "function_expression":
        yield from _of_function(node["value"], len(node["children"]))
    for child in node.get("children", ()):
        yield from _of_functions(child)


def _of_function(name: str, given: int) -> Iterator[str]:
    """The library finds this out only when it calls the function."""
    known = Functions.FUNCTION_TABLE.get(name)
    if known is None:
        yield naming.missing("function", name, Functions.FUNCTION_TABLE)
        return
    wanted = known["signature"]
    more = bool(wanted and wanted[-1].get("variadic"))
    if given < len(wanted) or (given > len(wanted) and not more):
        least = "at least " if more else ""
        yield f"the function `{name}` takes {least}{len(wanted)} arguments, not {given}"
