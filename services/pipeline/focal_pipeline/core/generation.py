"""P9: words for the plan. A fixed text needs no model; then the models; then the offline model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from focal_pipeline.core import offline
from focal_pipeline.core.live_text import LiveText
from focal_pipeline.core.model_chain import ModelChain
from focal_pipeline.core.prompts import Prompts
from focal_pipeline.core.response_plan import ResponsePlan
from focal_pipeline.domain.bundle import Agent
from focal_pipeline.domain.models import OFFLINE
from focal_pipeline.domain.turn import Outcome
from focal_pipeline.ports import Recalled

SITE = "generation"
LAST_WORDS = "I am sorry, I cannot help with that right now. Could you put it in other words?"
"""Said when bundle, models and plan give nothing at all."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The text, how the turn ends with it, and the built-in model's name if it worded it."""

    text: str
    outcome: Outcome
    model: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """What a reply is written from."""

    agent: Agent
    plan: ResponsePlan
    text: str
    known: Mapping[str, Any]
    recalled: Sequence[Recalled]


async def write(task: Task, chain: ModelChain, prompts: Prompts, shown: LiveText) -> Reply:
    """The reply, shown while it is written."""
    if task.plan.fixed is not None:
        return await _said(task.plan.fixed, task.plan.outcome, "", shown)
    if not chain.empty:
        prompt = prompts.for_reply(task.plan, task.known, task.recalled)
        text = await chain.reply(SITE, prompt, shown)
        if text is not None:
            return Reply(text, task.plan.outcome)
    composed = offline.compose(task.plan, task.text, task.recalled)
    if composed is not None:
        return await _said(composed, task.plan.outcome, OFFLINE, shown)
    last = task.plan.fallback or task.agent.error_reply or LAST_WORDS
    return await _said(last, Outcome.UNRESOLVED, OFFLINE, shown)


async def show(text: str, shown: LiveText) -> None:
    """Show a text that is there already."""
    shown.begin()
    await shown.add(text)
    await shown.end()


async def _said(text: str, outcome: Outcome, model: str, shown: LiveText) -> Reply:
    await show(text, shown)
    return Reply(text, outcome, model)
