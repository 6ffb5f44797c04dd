"""Tools brought into rules and steps: do they exist, and do their arguments fit the schema?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from focal_config_watcher.core.authoring.checks import dependencies, naming, schemas
from focal_config_watcher.core.authoring.draft import Draft, Origin, Where
from focal_config_watcher.core.authoring.folder import Kind
from focal_config_watcher.domain.authoring import binding as bindings
from focal_config_watcher.domain.authoring.binding import PLACE, Binding
from focal_config_watcher.domain.authoring.tool import Tool
from focal_config_watcher.domain.authoring.variable import Variable
from focal_config_watcher.domain.problem import Problem

_JSON_TYPES = {
    "string": {"string"},
    "date": {"string"},
    "number": {"number", "integer"},
    "boolean": {"boolean"},
}


@dataclass(frozen=True, slots=True)
class Bound:
    """A binding with the place it is written at."""

    origin: Origin
    where: tuple[Where, ...]
    binding: Binding

    def error(self, reason: str, message: str, *where: Where, key: bool = False) -> Problem:
        """A problem at a place inside the binding."""
        return self.origin.error(reason, message, *self.where, *where, key=key)

    def warning(self, reason: str, message: str, *where: Where) -> Problem:
        """Something worth a look at a place inside the binding."""
        return self.origin.warning(reason, message, *self.where, *where)


def check(draft: Draft) -> Iterator[Problem]:
    """Unknown tools and variables, arguments off the schema, circular dependencies."""
    for bound in _all(draft):
        yield from _references(draft, bound)
        tool = draft.tools.get(bound.binding.tool)
        if tool and not tool.enabled:
            message = f"{draft.named(bound.binding.tool)} is not enabled, so it is not run here"
            yield bound.warning("NOT_ENABLED", message, "tool")
        if tool and schemas.sound(tool):
            yield from _arguments(draft, bound, tool)
    yield from dependencies.check(draft)


def _all(draft: Draft) -> Iterator[Bound]:
    for rule_id, rule in draft.rules.items():
        for index, binding in enumerate(rule.tools):
            yield Bound(draft.origin(Kind.RULES, rule_id), ("tools", index), binding)
    for origin, _, _, step_id, step in draft.all_steps():
        for index, binding in enumerate(step.tools):
            yield Bound(origin, ("steps", step_id, "tools", index), binding)


def _references(draft: Draft, bound: Bound) -> Iterator[Problem]:
    tools: list[tuple[str, tuple[Where, ...]]] = [
        (bound.binding.tool, ("tool",)),
        *((name, ("depends_on", index)) for index, name in enumerate(bound.binding.depends_on)),
    ]
    for name, where in tools:
        if not draft.has(Kind.TOOLS, name):
            message = naming.missing("tool", name, draft.ids(Kind.TOOLS))
            yield bound.error("DANGLING_TOOL", message, *where)
    for name, where, key in _variables(bound.binding):
        if not draft.has(Kind.VARIABLES, name):
            message = naming.missing("variable", name, draft.ids(Kind.VARIABLES))
            yield bound.error("DANGLING_VARIABLE", message, *where, key=key)


def _variables(binding: Binding) -> Iterator[tuple[str, tuple[Where, ...], bool]]:
    """Each variable named, where, and whether the name is a key."""
    for index, name in enumerate(binding.needs):
        yield name, ("needs", index), False
    for name in binding.results:
        yield name, ("results", name), True
    for argument, value in binding.arguments.items():
        for name in dict.fromkeys(bindings.places(value)):
            yield name, ("arguments", argument), False


def _arguments(draft: Draft, bound: Bound, tool: Tool) -> Iterator[Problem]:
    schema = tool.parameters
    properties: dict[str, Any] = schema.get("properties", {})
    for argument, value in bound.binding.arguments.items():
        if argument in properties:
            yield from _value(draft, bound, argument, value, schema)
        elif schema.get("additionalProperties", False) is False:
            message = naming.missing(f"argument of {draft.named(bound.binding.tool)}", argument, properties)
            yield bound.error("UNKNOWN_ARGUMENT", message, "arguments", argument, key=True)
    for argument in schema.get("required", []):
        if argument not in bound.binding.arguments:
            message = f"add `{argument}`: {draft.named(bound.binding.tool)} requires it"
            yield bound.error("MISSING_ARGUMENT", message, "arguments")


def _value(
    draft: Draft, bound: Bound, argument: str, value: Any, schema: dict[str, Any]
) -> Iterator[Problem]:
    """A fixed value must satisfy the schema, a lone `{variable}` must be of its type."""
    expected = schema["properties"][argument]
    place = PLACE.fullmatch(value) if isinstance(value, str) else None
    if place:
        variable = draft.variables.get(place[1])
        if variable and not _fits(variable, expected):
            tool = draft.named(bound.binding.tool)
            message = f"`{place[1]}` is a {variable.type}, `{argument}` of {tool} is {expected['type']}"
            yield bound.error("WRONG_VALUE", message, "arguments", argument)
    elif not any(bindings.places(value)):
        rooted = {**expected, "$defs": schema.get("$defs", {})} if isinstance(expected, dict) else expected
        for error in schemas.VALIDATOR(rooted).iter_errors(value):
            message = f"`{argument}` does not fit the tool's schema: {error.message[:200]}"
            yield bound.error("WRONG_VALUE", message, "arguments", argument, *error.absolute_path)


def _fits(variable: Variable, expected: Any) -> bool:
    wanted = expected.get("type") if isinstance(expected, dict) else None
    if wanted is None:
        return True
    return not _JSON_TYPES[variable.type].isdisjoint([wanted] if isinstance(wanted, str) else wanted)
