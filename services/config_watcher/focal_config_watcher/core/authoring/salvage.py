"""What is left of a definition when its wrong parts are taken out.

A typing error in one step must not hide the dangling reference in another. What is left is only
looked through for more mistakes; nothing with a mistake is ever published.
"""

from typing import Any, TypeVar

import pydantic

from focal_config_watcher.core.authoring import nodes
from focal_config_watcher.core.authoring.nodes import Node
from focal_config_watcher.domain.authoring.fields import Definition

Shape = TypeVar("Shape", bound=Definition)

Entry = tuple[dict[str, Any], str]

_ROUNDS = 3  # a model's own checks run only once its fields are right


def salvage(kind: type[Shape], node: Node) -> Shape | None:
    """The definition without its wrong parts; None when what is left is none either."""
    data = nodes.plain(node)
    for _ in range(_ROUNDS):
        try:
            return kind.model_validate(data)
        except pydantic.ValidationError as refused:
            wrong = [_entry(data, detail["loc"]) for detail in refused.errors(include_url=False)]
        if None in wrong:
            return None
        for mapping, key in filter(None, wrong):
            mapping.pop(key, None)
    return None


def _entry(data: Any, where: tuple[str | int, ...]) -> Entry | None:
    """The innermost entry of a mapping on the way to `where`.

    Items of lists stay or go together, because places are found by their numbers.
    """
    entry: Entry | None = None
    value = data
    for part in where:
        if isinstance(value, dict) and part in value:
            entry = (value, str(part))
            value = value[str(part)]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
    return entry
