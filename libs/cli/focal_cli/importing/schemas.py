"""Schemas of OpenAPI 3.0 and 3.1 as JSON Schema 2020-12 that stands by itself."""

import re
from collections.abc import Mapping
from typing import Any

import jsonref

from focal_cli.importing import names

_LEFT_OUT = frozenset(
    {"example", "examples", "xml", "externalDocs", "discriminator", "deprecated", "readOnly", "writeOnly"}
    | {"nullable", "$schema", "$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$comment"}
)
_OF_SCHEMAS = frozenset({"properties", "patternProperties", "$defs", "dependentSchemas"})
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_ONE = frozenset(
    {"items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else"}
    | {"unevaluatedItems", "unevaluatedProperties"}
)


class Schemas:
    """Converts the schemas of one tool; what they refer to is collected in `definitions`."""

    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}
        self._names: dict[str, str] = {}

    def converted(self, schema: Any) -> Any:
        """A schema; a reference stays one, to `#/$defs/…`."""
        if isinstance(schema, jsonref.JsonRef):
            return self._reference(schema)
        if not isinstance(schema, Mapping):
            return schema if isinstance(schema, bool) else {}
        return self._keywords(schema)

    def _reference(self, schema: Any) -> Any:
        target = str(schema.__reference__["$ref"])
        if target not in self._names:
            name = names.tool(target.rsplit("/", 1)[-1], self.definitions)
            self._names[target] = name
            self.definitions[name] = {}
            self.definitions[name] = self._keywords(schema)
        return {"$ref": f"#/$defs/{self._names[target]}"}

    def _keywords(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        hidden = _read_only(schema)
        for key, value in schema.items():
            if key in _LEFT_OUT or key.startswith("x-") or (key == "pattern" and not _compiles(value)):
                continue
            if key in _OF_SCHEMAS and isinstance(value, Mapping):
                found[key] = {
                    name: self.converted(part) for name, part in value.items() if name not in hidden
                }
            elif key in _LISTS and isinstance(value, list):
                found[key] = [self.converted(part) for part in value]
            elif key in _ONE:
                found[key] = self.converted(value)
            elif key == "required" and isinstance(value, list):
                found[key] = [name for name in value if name not in hidden]
            else:
                found[key] = _plain(value)
        return _nullable(schema, _bounds(found))


def is_list_or_object(schema: Any) -> bool:
    """Whether values are more than one word, as far as the schema says so."""
    return isinstance(schema, Mapping) and (
        not _types(schema).isdisjoint({"array", "object"})
        or any(is_list_or_object(part) for key in _LISTS for part in schema.get(key, ()))
    )


def fields(schema: Any) -> Mapping[str, Any] | None:
    """The properties of a plain object; None for anything that is not just its properties."""
    if not isinstance(schema, Mapping) or not schema.get("properties"):
        return None
    combined = any(key in schema for key in (*_LISTS, "not", "if", "patternProperties", "dependentSchemas"))
    more = schema.get("additionalProperties", False)
    open_ended = isinstance(more, Mapping) and bool(more)
    if combined or open_ended or "object" not in (_types(schema) or {"object"}):
        return None
    found: Mapping[str, Any] = schema["properties"]
    hidden = _read_only(schema)
    return {name: part for name, part in found.items() if name not in hidden}


def _read_only(schema: Mapping[str, Any]) -> set[str]:
    """Properties that only answers have."""
    found = schema.get("properties")
    if not isinstance(found, Mapping):
        return set()
    return {
        name for name, part in found.items() if isinstance(part, Mapping) and part.get("readOnly") is True
    }


def _types(schema: Mapping[str, Any]) -> set[str]:
    found = schema.get("type")
    return {found} if isinstance(found, str) else set(found) if isinstance(found, list) else set()


def _bounds(schema: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI 3.0 says of a bound whether it is exclusive; JSON Schema has two kinds of bounds."""
    for kind, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        exclusive = schema.get(kind)
        if isinstance(exclusive, bool):
            del schema[kind]
            if exclusive and bound in schema:
                schema[kind] = schema.pop(bound)
    return schema


def _nullable(schema: Mapping[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    if schema.get("nullable") is not True:
        return found
    if isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
        if "enum" in found and None not in found["enum"]:
            found["enum"] = [*found["enum"], None]
        return found
    return {"anyOf": [found, {"type": "null"}]} if found else found


def _compiles(pattern: Any) -> bool:
    """OpenAPI writes patterns for JavaScript; one that means nothing here would refuse every call."""
    try:
        re.compile(str(pattern))
    except (re.error, OverflowError, RecursionError):
        return False
    return True


def _plain(value: Any) -> Any:
    """A value without anything lazy in it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value
