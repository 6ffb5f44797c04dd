"""A small deterministic instance of a JSON Schema: what the double answers to structured output by
default.
"""

from typing import Any

DEEPEST = 16  # recursive schemas end here


def instance(schema: dict[str, Any]) -> Any:
    """The plainest value that fits: first enum value, first alternative, required properties
    only.
    """
    return _instance(schema, schema, 0)


def _instance(schema: dict[str, Any], root: dict[str, Any], depth: int) -> Any:
    if depth > DEEPEST:
        return None
    if "$ref" in schema:
        return _instance(_resolve(schema["$ref"], root), root, depth + 1)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if "enum" in schema:
        return schema["enum"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return _instance(schema[key][0], root, depth + 1)
    return _of_type(schema, root, depth)


def _of_type(schema: dict[str, Any], root: dict[str, Any], depth: int) -> Any:
    kinds = schema.get("type", "object")
    match kinds[0] if isinstance(kinds, list) else kinds:
        case "object":
            properties = schema.get("properties", {})
            names = schema.get("required", list(properties))
            return {name: _instance(properties.get(name, {}), root, depth + 1) for name in names}
        case "array":
            item = schema.get("items", {})
            return [_instance(item, root, depth + 1) for _ in range(schema.get("minItems", 0))]
        case "string":
            return "x" * schema.get("minLength", 0)
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return False
    return None


def _resolve(reference: str, root: dict[str, Any]) -> dict[str, Any]:
    found: Any = root
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)
