"""A brain over one bundle, with everything around it in memory."""

from __future__ import annotations

from collections import Counter
from typing import Any

from focal_kernel.clock import ManualClock
from focal_pipeline.core.interrupts import Interrupts
from focal_pipeline.core.judging import Signals
from focal_pipeline.core.run_turn import Brain
from focal_pipeline.core.runtimes import Runtimes
from focal_pipeline.domain.bundle import (
    Bundle,
    Scenario,
    SideEffect,
    Step,
    Template,
    Transition,
    Variable,
)
from focal_pipeline.domain.turn import Result, Turn
from focal_pipeline.ports import Verdict
from focal_pipeline.settings import ArtifactSettings, LlmSettings, PipelineSettings
from tests.fakes import pipeline as fakes

ORDERS: Any = fakes.bundle(
    variables=[Variable("order", pattern=r"(\d{5})", prompt="Which order?")],
    tools=[fakes.tool("pay", SideEffect.IRREVERSIBLE), fakes.tool("label", SideEffect.COMPENSATABLE)],
    templates=[Template("paid", "Paid for {order}.")],
    scenarios=[
        Scenario(
            "s",
            entry_conditions=("send it back",),
            entry_step_id="ask",
            steps=(
                Step(
                    "ask", collects=("order",), transitions=(Transition("pay", condition_fields=("order",)),)
                ),
                Step(
                    "pay",
                    is_terminal=True,
                    tool_bindings=(fakes.binding("pay", required_variables=("order",)),),
                    template_ids=("paid",),
                ),
            ),
        )
    ],
)
"""An agent that pays an order once the customer has named it."""


class Mind:
    """A brain over one bundle with its fakes at hand."""

    def __init__(self, bundle: Bundle, models: fakes.Models | None = None, worth_ms: float = 50) -> None:
        source = fakes.Bundles()
        source.publish(bundle)
        self.toolbox, self.memory = fakes.Toolbox(), fakes.Memory()
        self.output = fakes.Output()
        clock = ManualClock()
        runtimes = Runtimes(source, fakes.EMBEDDER, size=9, ttl_s=9, timer=clock.monotonic)
        llm = LlmSettings(model="first" if models else "", base_url="http://localhost")
        settings = PipelineSettings(llm=llm, artifacts=ArtifactSettings(worth_ms=worth_ms))
        self.counted: Counter[tuple[str, str]] = Counter()
        self.brain = Brain(
            runtimes,
            fakes.EMBEDDER,
            self.toolbox,
            self.memory,
            models,
            settings,
            clock,
            Signals(settings.supersede, pattern_timeout_s=1),
            self,
        )

    def count(self, phase: str, verdict: Verdict) -> None:
        self.counted[phase, verdict.value] += 1

    def watching(self, turn: Turn) -> Interrupts:
        return Interrupts(turn, self.output, limit=5, judge=self.brain.judge)

    async def think(self, turn: Turn, interrupts: Interrupts | None = None) -> Result:
        interrupts = interrupts or self.watching(turn)
        return await self.brain.run(turn, interrupts, self.output)
