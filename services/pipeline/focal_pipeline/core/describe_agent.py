"""How an agent is built and which models answer for it."""

from __future__ import annotations

from dataclasses import dataclass

from focal_pipeline.core.generation import SITE
from focal_pipeline.core.model_chain import model_names
from focal_pipeline.core.runtimes import Runtimes
from focal_pipeline.domain.models import OFFLINE
from focal_pipeline.settings import LlmSettings


@dataclass(frozen=True, slots=True)
class Description:
    """What `DescribeAgent` tells; `model_chain` is in the order asked."""

    agent_id: str
    version: int
    name: str
    model_chain: tuple[str, ...]
    embedding_model: str
    rules: int
    scenarios: int
    tools: int
    not_enabled: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DescribeAgent:
    """The use case."""

    runtimes: Runtimes
    settings: LlmSettings

    async def __call__(self, tenant_id: str, agent_id: str, version: int) -> Description:
        """One version of an agent, 0 for the current one. Raises what `Runtimes.get` does."""
        runtime = await self.runtimes.get(tenant_id, agent_id, version)
        return Description(
            agent_id=agent_id,
            version=runtime.version,
            name=runtime.agent.name,
            model_chain=(*model_names(self.settings, runtime.agent, SITE), OFFLINE),
            embedding_model=runtime.embedding_model,
            rules=runtime.rule_count,
            scenarios=len(runtime.scenarios),
            tools=len(runtime.tools),
            not_enabled=tuple(sorted(runtime.not_enabled)),
        )
