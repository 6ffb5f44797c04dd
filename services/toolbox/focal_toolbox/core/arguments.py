"""Reads a call's arguments and checks them against the tool's JSON Schema (2020-12)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cachetools
import jsonschema
import referencing

from focal_kernel import canonical_json
from focal_kernel.errors import FieldViolation
from focal_toolbox import errors
from focal_toolbox.domain.order import Arguments
from focal_toolbox.domain.tool import Tool

FIELD = "call.arguments_json"
LISTED = 50
"""Violations spelled out in one refusal; a message that names more helps nobody."""

_NAMES_KEYS_ONLY = {"required", "additionalProperties", "unevaluatedProperties", "dependentRequired"}
"""Keywords whose stock message quotes names of properties and none of the customer's values."""


def read(text: str, max_bytes: int) -> Arguments:
    """Parse and make canonical; BadRequest when the text is too long, no JSON or no object.

    Empty text counts as no arguments.
    """
    size = len(text.encode())
    if size > max_bytes:
        raise _bad(f"must be at most {max_bytes} bytes, is {size}")
    try:
        values = canonical_json.loads(text or "{}")
        canonical = canonical_json.dumps(values)
        if canonical != text:
            # Read again, so that 10.0 arrives at the schema and the provider as the integer it is.
            values = canonical_json.loads(canonical)
    except ValueError as error:
        raise _bad(f"must be JSON: {str(error)[:200]}") from None
    if not isinstance(values, dict):
        raise _bad("must be a JSON object")
    return Arguments(canonical, values)


class Schemas:
    """Compiled schemas, the most recently used ones kept."""

    def __init__(self, kept: int) -> None:
        self._compiled: cachetools.LRUCache[str, jsonschema.Draft202012Validator] = cachetools.LRUCache(kept)

    def check(self, tool: Tool, arguments: Arguments) -> None:
        """Refusal INVALID_TOOL_ARGUMENTS that lists every violation, none of them with its value."""
        try:
            found = [
                _describe(error) for error in self._validator(tool.schema_json).iter_errors(arguments.values)
            ]
        except ArithmeticError:
            message = "the arguments hold a number too large or too fine for the tool's schema"
            raise errors.Refusal("INVALID_TOOL_ARGUMENTS", message) from None
        except (jsonschema.SchemaError, referencing.exceptions.Unresolvable, ValueError, RecursionError):
            raise errors.Refusal(
                "INVALID_BUNDLE", f"the parameter schema of {tool.name!r} cannot be used"
            ) from None
        if found:
            raise errors.Refusal("INVALID_TOOL_ARGUMENTS", _listing(sorted(found)))

    def _validator(self, schema_json: str) -> jsonschema.Draft202012Validator:
        known = self._compiled.get(schema_json)
        if known is None:
            known = self._compiled[schema_json] = _compile(schema_json)
        return known


def _compile(schema_json: str) -> jsonschema.Draft202012Validator:
    """An empty registry, because the library's own would fetch `$ref`s over the network."""
    schema: Mapping[str, Any] | bool = canonical_json.loads(schema_json or "{}")
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, registry=referencing.Registry())


def _describe(error: jsonschema.ValidationError) -> str:
    place = "/" + "/".join(map(str, error.absolute_path))
    if error.validator in _NAMES_KEYS_ONLY:
        return f"{place}: {error.message}"
    rule = str(error.validator_value)
    return f"{place}: must satisfy {error.validator} {rule[:100]}"


def _listing(found: list[str]) -> str:
    more = f"; and {len(found) - LISTED} more" if len(found) > LISTED else ""
    return "the arguments violate the tool's schema: " + "; ".join(found[:LISTED]) + more


def _bad(description: str) -> errors.BadRequest:
    return errors.BadRequest(FieldViolation(FIELD, description))
