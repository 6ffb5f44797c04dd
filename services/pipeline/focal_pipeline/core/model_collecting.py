"""P6, where patterns end: a model reads the values that the current step asks for, in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ConfigDict, ValidationError, create_model

from focal_pipeline import errors
from focal_pipeline.core.model_chain import ModelChain
from focal_pipeline.core.prompts import Prompts
from focal_pipeline.domain import values
from focal_pipeline.domain.bundle import Variable

SITE = "collection"
_JSON_TYPES: Mapping[str, Any] = {"number": float, "boolean": bool}


async def read(chain: ModelChain, prompts: Prompts, wanted: Sequence[Variable]) -> Mapping[str, Any]:
    """The values that the customer stated; empty when no model could tell."""
    fields: dict[str, Any] = {v.name: (_JSON_TYPES.get(v.type, str) | None, ...) for v in wanted}
    form = create_model("Fields", __config__=ConfigDict(extra="forbid"), **fields)

    def checked(answer: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            form.model_validate(answer)
        except ValidationError as error:
            raise ValueError(str(error)) from None
        return answer

    try:
        stated = await chain.structured(SITE, prompts.for_values(wanted), form.model_json_schema(), checked)
    except errors.ModelFailed:
        return {}
    accepted = {v.name: values.accept(v, stated[v.name]) for v in wanted if stated.get(v.name) is not None}
    return {name: value for name, value in accepted.items() if value is not None}
