"""P7: the exact arguments of a bound tool, from variables and, where these do not suffice, a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema

from focal_kernel import canonical_json
from focal_pipeline import errors
from focal_pipeline.core.model_chain import ModelChain
from focal_pipeline.core.prompts import Prompts
from focal_pipeline.domain import models, placeholders
from focal_pipeline.domain.bundle import Tool, ToolBinding

SITE = "tool_arguments"


class Arguments:
    """Fills arguments for the tools of one turn."""

    def __init__(self, chain: ModelChain, prompts: Prompts) -> None:
        self._chain = chain
        self._prompts = prompts

    async def fill(self, binding: ToolBinding, tool: Tool, known: Mapping[str, Any]) -> str | None:
        """Canonical JSON, or None when a value is missing that nobody can tell."""
        if missing_variables(binding, known):
            return None
        arguments: Mapping[str, Any] = {
            **_by_name(tool, known),
            **placeholders.fill(binding.arguments, known),
        }
        if _lacks(tool, arguments):
            completed = await self._ask(tool, arguments)
            if completed is None:
                return None
            arguments = completed
        return canonical_json.dumps(arguments)

    async def _ask(self, tool: Tool, arguments: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What variables gave stays; the model only adds. None when no model gives valid arguments."""

        validator = jsonschema.Draft202012Validator(tool.parameter_schema)

        def checked(value: Mapping[str, Any]) -> Mapping[str, Any]:
            completed = {**value, **arguments}
            if not validator.is_valid(completed):
                raise ValueError("arguments off schema")
            return completed

        spec = models.ToolSpec(tool.name, tool.description, tool.parameter_schema)
        try:
            return await self._chain.call_tool(SITE, self._prompts.for_tool(tool), spec, checked)
        except errors.ModelFailed:
            return None


def missing_variables(binding: ToolBinding, known: Mapping[str, Any]) -> tuple[str, ...]:
    """Variables without which the binding does not run."""
    wanted = dict.fromkeys((*binding.required_variables, *sorted(placeholders.names(binding.arguments))))
    return tuple(name for name in wanted if name not in known)


def _by_name(tool: Tool, known: Mapping[str, Any]) -> Mapping[str, Any]:
    """Obligatory arguments that are called like a known variable."""
    return {name: known[name] for name in tool.parameter_schema.get("required", ()) if name in known}


def _lacks(tool: Tool, arguments: Mapping[str, Any]) -> bool:
    return not set(tool.parameter_schema.get("required", ())) <= arguments.keys()
