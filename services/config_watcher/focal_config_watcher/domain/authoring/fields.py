"""Field types that the definitions share."""

from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

Item = TypeVar("Item")

Many = Annotated[tuple[Item, ...], Field(strict=False)]
"""A YAML list."""

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
VariableName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
OptionalText = Annotated[str, StringConstraints(strip_whitespace=True)]
Priority = Annotated[int, Field(ge=-100, le=100)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Json = Any
"""What YAML can say and JSON can repeat; numbers are int or Decimal."""

GLOBAL = "global"


def _exact(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    return value


Number = Annotated[Decimal, BeforeValidator(_exact)]


class Definition(BaseModel):
    """Unknown keys and values of another type are refused; nothing is converted silently."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
