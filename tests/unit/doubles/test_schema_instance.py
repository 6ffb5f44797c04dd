from enum import Enum
from typing import Literal

import jsonschema
import pytest
from pydantic import BaseModel, Field, TypeAdapter

from tests.doubles import schema_instance


class Colour(Enum):
    RED = "red"


class Node(BaseModel):
    name: str = Field(min_length=2)
    kind: Literal["leaf", "branch"]
    colour: Colour
    weight: float = Field(ge=3)
    sure: bool
    parent: "Node | None"
    tags: list[str] = Field(min_length=1)


@pytest.mark.parametrize(
    "schema",
    [
        TypeAdapter(dict[str, int]).json_schema(),
        TypeAdapter(list[int]).json_schema(),
        TypeAdapter(int | str | None).json_schema(),
        {"type": ["string", "null"]},
        {"type": "null"},
        {"const": 4},
        {},
    ],
)
def test_the_instance_fits_its_schema(schema: dict[str, object]) -> None:
    jsonschema.validate(schema_instance.instance(schema), schema)


def test_a_recursive_schema_ends() -> None:
    made = schema_instance.instance(Node.model_json_schema())
    assert made["kind"] == "leaf"
    assert made["colour"] == "red"
    assert len(made["tags"]) == 1
