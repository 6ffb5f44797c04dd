"""Judge, before a turn, whether a customer has said what they wanted to say: one small model call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from focal_pipeline import errors
from focal_pipeline.core.model_chain import ModelChain
from focal_pipeline.core.runtimes import Runtimes
from focal_pipeline.domain.models import Said
from focal_pipeline.domain.turn import Artifact, Decision, Event, Usage
from focal_pipeline.ports import LanguageModel
from focal_pipeline.settings import LlmSettings

SITE = "input_judgement"
_TASK = (
    "A customer writes to a business, often in several short messages. Judge only whether what they wrote so"
    " far is complete, so that an answer makes sense now, or whether they are likely to go on."
)


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid")

    complete: bool
    confidence: float = Field(ge=0, le=1)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a model thinks; `confidence` from 0 to 1."""

    complete: bool
    confidence: float


class _Unheard:
    """`ports.Output` outside a turn: there is nobody to tell."""

    async def event(self, event: Event) -> None:
        """Dropped."""

    async def text(self, text: str) -> None:
        """Dropped."""

    async def decision(self, decision: Decision) -> None:
        """Dropped."""

    async def store(self, artifact: Artifact) -> None:
        """Dropped."""

    async def offer(self, artifact: Artifact) -> None:
        """Dropped."""


@dataclass(frozen=True, slots=True)
class JudgeInput:
    """The use case."""

    runtimes: Runtimes
    model: LanguageModel | None
    settings: LlmSettings

    async def __call__(
        self, tenant_id: str, agent_id: str, version: int, texts: Sequence[str]
    ) -> tuple[Judgement | None, Usage]:
        """The judgement and its cost; None when no model gave one. Raises what `Runtimes.get` does."""
        if self.model is None:
            return None, Usage()
        runtime = await self.runtimes.get(tenant_id, agent_id, version)
        chain = ModelChain(self.model, self.settings, runtime.agent, _Unheard())
        written = "\n".join(texts)[-self.settings.judged_chars :]
        prompt = (Said("system", _TASK), Said("user", written))
        try:
            answer = await chain.structured(SITE, prompt, _Form.model_json_schema(), _checked)
        except errors.ModelFailed:
            return None, chain.usage
        return Judgement(bool(answer["complete"]), float(answer["confidence"])), chain.usage


def _checked(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return _Form.model_validate(answer).model_dump()
    except ValidationError as error:
        raise ValueError(str(error)) from None
