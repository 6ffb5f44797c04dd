"""A tool brought into a rule or a step."""

import re
from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from focal_config_watcher.domain.authoring.fields import (
    Definition,
    Id,
    Json,
    Many,
    Text,
    VariableName,
)

PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
"""A `{variable}` in a text."""


class Binding(Definition):
    """A tool with the arguments it gets and the variables it fills."""

    tool: Id = Field(description="tool to run")
    run: Literal["before", "during", "after"] = Field(
        "during", description="moment within the step: before, during or after its work"
    )
    arguments: dict[str, Json] = Field(
        default={}, description="arguments by name; `{variable}` stands for a variable's value"
    )
    needs: Many[VariableName] = Field((), description="variables it waits for besides those in its arguments")
    depends_on: Many[Id] = Field((), description="tools of the turn that must succeed first")
    results: dict[VariableName, Text] = Field(
        default={}, description="variables to set: name to a path in the result, e.g. order.status"
    )
    critical: bool = Field(True, description="whether a failure ends the turn's tools")

    def required_variables(self) -> list[str]:
        """The variables without which the tool cannot run, each once."""
        found = [*places(self.arguments), *self.needs]
        return list(dict.fromkeys(found))


def places(value: Json) -> Iterator[str]:
    """Names of the `{variable}` places anywhere in a value, repeats kept."""
    if isinstance(value, str):
        yield from PLACE.findall(value)
    elif isinstance(value, dict):
        for part in value.values():
            yield from places(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from places(part)
