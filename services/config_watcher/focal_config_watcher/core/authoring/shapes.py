"""Turns nodes into definitions; each deviation from the format becomes a problem at its place."""

import difflib
from typing import Any, TypeVar, get_args, get_origin

import pydantic
from pydantic_core import ErrorDetails

from focal_config_watcher.core.authoring import nodes
from focal_config_watcher.core.authoring.nodes import Mapping, Node, Place
from focal_config_watcher.domain.authoring.fields import Definition
from focal_config_watcher.domain.problem import Problem

Shape = TypeVar("Shape", bound=Definition)

_WRONG_TYPE = {
    "string_type": "must be text; put it in quotes if it looks like something else",
    "bool_type": "must be `true` or `false`",
    "int_type": "must be a whole number",
    "is_instance_of": "must be a number",
    "tuple_type": "must be a list: start each item on a line with `-`, or write [a, b]",
    "dict_type": "must be a mapping: `key: value`, one per line",
    "model_type": "must be a mapping: `key: value`, one per line",
    "model_attributes_type": "must be a mapping: `key: value`, one per line",
}
_MESSAGES = {
    "missing": ("MISSING_KEY", "add {name}: {meaning}"),
    "extra_forbidden": ("UNKNOWN_KEY", "unknown key {name}{instead}"),
    "literal_error": ("BAD_VALUE", "{name} must be one of {expected}"),
    "greater_than_equal": ("OUT_OF_RANGE", "{name} must be at least {ge}"),
    "less_than_equal": ("OUT_OF_RANGE", "{name} must be at most {le}"),
    "string_too_short": ("EMPTY", "{name} must not be empty: {meaning}"),
    "string_too_long": ("TEXT_TOO_LONG", "{name} has at most {max_length} characters"),
    "too_short": ("EMPTY", "{name} needs at least {min_length} entry"),
    "too_long": ("TOO_MANY", "{name} has at most {max_length} entries"),
    "value_error": ("BAD_VALUE", "{error}"),
}
_PATTERNS = {
    r"^[A-Za-z0-9_-]{1,64}$": (
        "BAD_ID",
        "must be 1 to 64 characters out of A-Z, a-z, 0-9, `_` and `-`",
    ),
    r"^[a-z][a-z0-9_]{0,49}$": (
        "BAD_NAME",
        "must start with a small letter and go on with small letters, digits and `_`, at most 50",
    ),
    r"^[a-z]{2}$": ("BAD_LANGUAGE", "must be a language of two small letters, such as `en`"),
}


def shape(kind: type[Shape], node: Node, path: str) -> tuple[Shape | None, list[Problem]]:
    """The definition that `node` of file `path` writes down, or None and all that is wrong."""
    try:
        return kind.model_validate(nodes.plain(node)), []
    except pydantic.ValidationError as refused:
        found = refused.errors(include_url=False)
    return None, [_problem(kind, node, path, detail) for detail in found]


def _problem(kind: type[Definition], node: Node, path: str, detail: ErrorDetails) -> Problem:
    where = tuple(part for part in detail["loc"] if part != "[key]")
    reason, message = _explain(kind, where, detail)
    place = _place(node, where, detail)
    return Problem(path, place.line, place.column, reason, message)


def _place(node: Node, where: tuple[str | int, ...], detail: ErrorDetails) -> Place:
    if where and (detail["type"] == "extra_forbidden" or "[key]" in detail["loc"]):
        return nodes.key_place(node, where)
    return nodes.place(node, where)


def _explain(kind: type[Definition], where: tuple[str | int, ...], detail: ErrorDetails) -> tuple[str, str]:
    """Reason and message of one deviation."""
    name = f"`{where[-1]}`" if where else "it"
    found = detail["type"]
    context: dict[str, Any] = detail.get("ctx", {})
    if found in _WRONG_TYPE:
        return "WRONG_TYPE", f"{name} {_WRONG_TYPE[found]}"
    if found == "string_pattern_mismatch":
        reason, message = _PATTERNS.get(context["pattern"], ("BAD_VALUE", "has a wrong form"))
        return reason, f"{name} {message}"
    if found in _MESSAGES:
        reason, message = _MESSAGES[found]
        words = {"name": name, "meaning": _meaning(kind, where), "instead": _instead(kind, where)}
        return reason, message.format(**words, **context)
    return "BAD_VALUE", f"{name}: {detail['msg']}"


def _instead(kind: type[Definition], where: tuple[str | int, ...]) -> str:
    """Which key was probably meant."""
    owner = _owner(kind, where)
    known = sorted(owner.model_fields) if owner else []
    if where and (near := difflib.get_close_matches(str(where[-1]), known, n=1)):
        return f"; did you mean `{near[0]}`?"
    return f"; known are {', '.join(known)}" if known else ""


def _meaning(kind: type[Definition], where: tuple[str | int, ...]) -> str:
    owner = _owner(kind, where)
    field = owner.model_fields.get(str(where[-1])) if owner and where else None
    return field.description or "it is required" if field else "it is required"


def _owner(kind: type[Definition], where: tuple[str | int, ...]) -> type[Definition] | None:
    """The model that has, or lacks, the last part of `where`."""
    annotation: Any = kind
    for part in where[:-1]:
        annotation = _inside(annotation, part)
    return _model(annotation)


def _inside(annotation: Any, part: str | int) -> Any:
    """The type of the value at `part` inside a value of type `annotation`."""
    if model := _model(annotation):
        field = model.model_fields.get(str(part))
        return field.annotation if field else None
    held = [arg for arg in get_args(annotation) if arg is not Ellipsis]
    return held[-1] if held else None


def _model(annotation: Any) -> type[Definition] | None:
    """The model that a type is, also behind `| None` and annotations, but not inside containers."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation if issubclass(annotation, Definition) else None
    if get_origin(annotation) in (tuple, dict, list):
        return None
    return next((found for arg in get_args(annotation) if (found := _model(arg))), None)


def expect_mapping(node: Node, path: str) -> tuple[Mapping | None, list[Problem]]:
    """The node when it maps ids to definitions."""
    if isinstance(node, Mapping):
        return node, []
    message = "the file must map ids to definitions: `an_id:` and its keys indented below"
    return None, [Problem(path, node.place.line, node.place.column, "WRONG_TYPE", message)]
