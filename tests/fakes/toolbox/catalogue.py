"""The tools of one agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from focal_kernel import errors as kernel_errors
from focal_toolbox.domain.tool import Tool


class FixedCatalogue:
    """A ToolCatalogue of one agent, `returns_desk`."""

    def __init__(self, *tools: Tool) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self.asked: list[tuple[str, str, int]] = []

    def change(self, name: str, **changes: Any) -> None:
        """Another definition of a tool from now on."""
        self._tools[name] = replace(self._tools[name], **changes)

    async def tools(self, tenant_id: str, agent_id: str, version: int) -> Mapping[str, Tool]:
        self.asked.append((tenant_id, agent_id, version))
        if agent_id != "returns_desk":
            raise kernel_errors.NotFound("AGENT_NOT_FOUND", "no such agent")
        return self._tools
