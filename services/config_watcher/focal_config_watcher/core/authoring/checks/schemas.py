"""Tools' JSON Schemas, and the places in their requests that the schema has to fill."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema

from focal_config_watcher.core.authoring.checks import naming
from focal_config_watcher.core.authoring.draft import Draft, Origin, Where
from focal_config_watcher.core.authoring.folder import Kind
from focal_config_watcher.domain.authoring.tool import Tool
from focal_config_watcher.domain.problem import Problem

VALIDATOR = jsonschema.Draft202012Validator
META = VALIDATOR(VALIDATOR.META_SCHEMA)

_URL_STARTS = ("http://", "https://", "${")
_PLACE = re.compile(r"\$\{[A-Za-z0-9_]+\}|\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""`${NAME}`, which the toolbox's settings fill, or `{argument}`."""


def check(draft: Draft) -> Iterator[Problem]:
    """Schemas that are none, schemas of something else than an object, unknown `{argument}`s."""
    for tool_id, tool in draft.tools.items():
        origin = draft.origin(Kind.TOOLS, tool_id)
        broken = list(_schema(origin, tool))
        yield from broken
        if not broken:
            yield from _request(origin, tool)


def sound(tool: Tool) -> bool:
    """Whether arguments can be checked with the tool's schema."""
    return tool.parameters.get("type") == "object" and META.is_valid(tool.parameters)


def _schema(origin: Origin, tool: Tool) -> Iterator[Problem]:
    for error in META.iter_errors(tool.parameters):
        yield origin.error("BAD_SCHEMA", f"not JSON Schema: {error.message[:200]}", *_path(error))
    if tool.parameters.get("type") != "object":
        message = "the arguments are one object: write `type: object` with `properties:`"
        yield origin.error("BAD_SCHEMA", message, "parameters", "type")
    for where in _references(tool.parameters, ("parameters",)):
        message = "use `$ref` only for `#/$defs/…`; other documents are not read"
        yield origin.error("BAD_SCHEMA", message, *where)


def _references(schema: Any, where: tuple[Where, ...]) -> Iterator[tuple[Where, ...]]:
    if isinstance(schema, dict):
        target = schema.get("$ref")
        if isinstance(target, str) and not target.startswith("#"):
            yield (*where, "$ref")
        for key, value in schema.items():
            yield from _references(value, (*where, key))
    elif isinstance(schema, list):
        for index, value in enumerate(schema):
            yield from _references(value, (*where, index))


def _request(origin: Origin, tool: Tool) -> Iterator[Problem]:
    if tool.http is None:
        return
    if not tool.http.url.startswith(_URL_STARTS):
        message = "start the URL with http://, https:// or a setting such as ${SHOP_URL}"
        yield origin.error("BAD_URL", message, "http", "url")
    known = tool.parameters.get("properties", {})
    for part in ("url", "query", "headers", "body"):
        for name in dict.fromkeys(_arguments(getattr(tool.http, part))):
            if name not in known:
                message = naming.missing("argument", name, known)
                yield origin.error("UNKNOWN_ARGUMENT", message, "http", part)


def _arguments(value: Any) -> Iterator[str]:
    """Names of the `{argument}` places anywhere in a value."""
    if isinstance(value, str):
        yield from (name for name in _PLACE.findall(value) if name)
    elif isinstance(value, dict):
        for part in value.values():
            yield from _arguments(part)
    elif isinstance(value, list):
        for part in value:
            yield from _arguments(part)


def _path(error: jsonschema.ValidationError) -> tuple[Where, ...]:
    return ("parameters", *error.absolute_path)
