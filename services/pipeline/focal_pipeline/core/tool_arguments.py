"""P7: the exact arguments of a bound tool, from variables and, where these do not suffice, a model.

A model fills arguments of PURE and IDEMPOTENT tools only, and only with what the customer wrote,
word for word: a number it made up would look up somebody else's order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema

from focal_kernel import canonical_json
from focal_pipeline import errors
from focal_pipeline.core.known import Known
from focal_pipeline.core.model_chain import ModelChain
from focal_pipeline.core.prompts import Prompts
from focal_pipeline.core.runtime import Reader
from focal_pipeline.domain import models, placeholders, values
from focal_pipeline.domain.bundle import SideEffect, Tool, ToolBinding

SITE = "tool_arguments"

_FILLABLE = {SideEffect.PURE, SideEffect.IDEMPOTENT}


class Arguments:
    """Fills arguments for the tools of one turn; asks models about at most `fills` tools."""

    def __init__(
        self, chain: ModelChain, prompts: Prompts, readers: Mapping[str, Reader], known: Known, *, fills: int
    ) -> None:
        self._chain = chain
        self._prompts = prompts
        self._readers = readers
        self._known = known
        self._fills = fills

    async def fill(self, binding: ToolBinding, tool: Tool) -> str | None:
        """Canonical JSON, or None when a value is missing that nobody can tell.

        What a model read for a variable is known from then on.
        """
        known = self._known.values
        missing = missing_variables(binding, known)
        given = {
            name: placeholders.fill(value, known)
            for name, value in binding.arguments.items()
            if placeholders.names(value) <= known.keys()
        }
        arguments = {**_by_name(tool, known), **given}
        if not missing and _required(tool) <= arguments.keys():
            return canonical_json.dumps(arguments)
        completed = await self._completed(binding, tool, arguments, missing)
        return None if completed is None else canonical_json.dumps(completed)

    async def _completed(
        self, binding: ToolBinding, tool: Tool, given: Mapping[str, Any], missing: tuple[str, ...]
    ) -> Mapping[str, Any] | None:
        if self._chain.empty or not self._fills or not self._may_ask(binding, tool, missing):
            return None
        self._fills -= 1
        completed = await self._ask(tool, given)
        if completed is not None:
            self._known.set(self._learnt(binding, completed, missing))
        return completed

    def _may_ask(self, binding: ToolBinding, tool: Tool, missing: tuple[str, ...]) -> bool:
        readers = [self._readers[name] for name in missing if name in self._readers]
        return (
            tool.policy in _FILLABLE
            and set(missing) <= placeholders.names(binding.arguments)
            and not any(reader.variable.only_when_asked for reader in readers)
        )

    async def _ask(self, tool: Tool, given: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What variables gave stays; the model only adds. None when no model gives valid arguments."""
        validator = jsonschema.Draft202012Validator(tool.parameter_schema)

        def checked(value: Mapping[str, Any]) -> Mapping[str, Any]:
            completed = {**value, **given}
            added = [item for name, item in value.items() if name not in given]
            if not validator.is_valid(completed) or not all(map(self._prompts.was_written, added)):
                raise ValueError("off schema, or not what the customer wrote")
            return completed

        spec = models.ToolSpec(tool.name, tool.description, tool.parameter_schema)
        try:
            return await self._chain.call_tool(SITE, self._prompts.for_tool(tool), spec, checked)
        except errors.ModelFailed:
            return None

    def _learnt(
        self, binding: ToolBinding, completed: Mapping[str, Any], missing: tuple[str, ...]
    ) -> Mapping[str, Any]:
        """Values of variables that stand alone for an argument."""
        learnt = {}
        for name in missing:
            alone = [argument for argument, value in binding.arguments.items() if value == f"{{{name}}}"]
            if alone and name in self._readers:
                value = values.accept(self._readers[name].variable, completed.get(alone[0]))
                if value is not None:
                    learnt[name] = value
        return learnt


def missing_variables(binding: ToolBinding, known: Mapping[str, Any]) -> tuple[str, ...]:
    """Variables without which the binding does not run."""
    wanted = dict.fromkeys((*binding.required_variables, *sorted(placeholders.names(binding.arguments))))
    return tuple(name for name in wanted if name not in known)


def _by_name(tool: Tool, known: Mapping[str, Any]) -> Mapping[str, Any]:
    """Obligatory arguments that are called like a known variable."""
    return {name: known[name] for name in _required(tool) if name in known}


def _required(tool: Tool) -> frozenset[str]:
    return frozenset(tool.parameter_schema.get("required", ()))
