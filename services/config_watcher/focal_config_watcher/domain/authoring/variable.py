"""`variables.yaml`: the values an agent works with."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from focal_config_watcher.domain.authoring.fields import (
    Count,
    Definition,
    Id,
    Json,
    Many,
    OptionalText,
    Text,
)

VariableType = Literal["string", "number", "boolean", "date"]
Update = Literal["on_each_turn", "on_demand", "on_scenario_entry", "on_session_start"]

MAX_PATTERN_CHARS = 500


class Variable(Definition):
    """A value that the agent works with."""

    type: VariableType = Field("string", description="string, number, boolean or date")
    description: OptionalText = Field("", description="what it means")
    ask: OptionalText = Field("", description="how to ask the customer for it")
    pattern: Annotated[str, StringConstraints(max_length=MAX_PATTERN_CHARS)] = Field(
        "", description="regular expression that finds it in a text; the first group is the value"
    )
    synonyms: dict[str, Many[Text]] = Field(default={}, description="value to the words that stand for it")
    allowed: Many[Json] = Field((), description="values allowed; any when absent")
    resolver: Id | None = Field(None, description="tool that fetches it")
    update: Update = Field("on_demand", description="when the resolver runs")
    cache_ttl_seconds: Count = Field(0, description="seconds a fetched value is kept; 0 for none")
    scenario_scoped: bool = Field(False, description="forgotten once its scenario ends")
    only_when_asked: bool = Field(False, description="taken from the text only while a step collects it")
    pii: bool = Field(False, description="shown to the model as present or absent only")

    def accepts(self, value: Json) -> bool:
        """Whether `value` has the variable's type; dates are text."""
        match self.type:
            case "boolean":
                return isinstance(value, bool)
            case "number":
                return isinstance(value, int | Decimal) and not isinstance(value, bool)
            case _:
                return isinstance(value, str)

    def read(self, word: str) -> Json:
        """A key of `synonyms` as a value of the variable's type; ValueError when it is none."""
        match self.type:
            case "boolean" if word in ("true", "false"):
                return word == "true"
            case "boolean":
                raise ValueError("must be `true` or `false`")
            case "number":
                return _number(word)
            case _:
                return word


def _number(word: str) -> Decimal:
    try:
        value = Decimal(word)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise ValueError("must be a number")
    return value
