"""Which tools there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from focal_toolbox.domain.tool import Tool


class ToolCatalogue(Protocol):
    """The tools of published bundles."""

    async def tools(self, tenant_id: str, agent_id: str, version: int) -> Mapping[str, Tool]:
        """All tools of one bundle by name; version 0 is the current one.

        Raises NotFound (TENANT_, AGENT_ or VERSION_NOT_FOUND) or Unavailable.
        """
