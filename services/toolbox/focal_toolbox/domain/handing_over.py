"""The arguments of a call that is about an effect: of what undoes it, or tells whether it happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from focal_kernel import canonical_json
from focal_toolbox.domain.effect import Effect
from focal_toolbox.domain.tool import Tool


def arguments(effect: Effect, taker: Tool, named: Mapping[str, str]) -> str:
    """What `taker` is called with because of `effect`, as canonical JSON.

    Arguments of the same name are handed over, those in `named` come from where it says: a path into the
    effect's `arguments` or its `result`, or `effect.key`, the key that its requests carry.
    """
    sources = {
        "arguments": canonical_json.loads(effect.arguments_json or "{}"),
        "result": canonical_json.loads(effect.result_json or "null"),
        "effect": {"key": effect.effect_key},
    }
    schema = canonical_json.loads(taker.schema_json or "{}")
    paths = {name: f"arguments.{name}" for name in schema.get("properties", {})}
    found = {name: _at(sources, path) for name, path in {**paths, **named}.items()}
    return canonical_json.dumps({name: value for name, value in found.items() if value is not None})


def _at(value: Any, path: str) -> Any:
    """What a dotted path leads to, None when it leads nowhere; a number picks an entry of a list."""
    for part in path.split("."):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value
