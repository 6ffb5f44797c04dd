"""One attempt of a turn, with everything around it in memory."""

from __future__ import annotations

import asyncio
from typing import Any

from focal_turn_gateway.core.run_attempt import Outcome, RunAttempt
from focal_turn_gateway.domain.accumulation import AggregationReason, Window
from focal_turn_gateway.domain.turns import Attempt, Decision, SupersedeAction
from focal_turn_gateway.ports.engine import Hold
from tests.fakes.gateway_turns import InMemoryTurns
from tests.fakes.turn_gateway import (
    Feed,
    Fence,
    Script,
    ScriptedPipeline,
    admission,
    answer,
    submission,
)

AT_ONCE = Window(0, AggregationReason.OFF)
"""No wait for further messages."""


class Place:
    """One open attempt of a session, and what runs it."""

    def __init__(self, script: Script = answer, **limits: Any) -> None:
        self.turns, self.feed, self.fence = InMemoryTurns(), Feed(), Fence(b"effect")
        self.pipeline = ScriptedPipeline(script)
        self.woken = asyncio.Event()
        chosen = {"max_artifacts": 2, "max_artifact_bytes": 100, "admit": admission(), **limits}
        self.run = RunAttempt(
            self.turns, self.pipeline, self.fence, self.feed, poll_s=5, flush_s=0.01, **chosen
        )

    async def opened(self, *texts: str) -> Attempt:
        for text in texts or ("hello",):
            await self.turns.submit(submission(text), AT_ONCE)
        return await self.again()

    async def again(self) -> Attempt:
        opened = await self.turns.open_turn(Hold("ses_1", self.woken))
        assert isinstance(opened, Attempt)
        return opened

    async def finish(self, attempt: Attempt) -> Outcome:
        async with asyncio.timeout(5):
            return await self.run(attempt, self.woken)

    def stored_bodies(self) -> list[Any]:
        return [event.body for event in self.turns.sessions_by_id["ses_1"].events]


def decision(action: SupersedeAction) -> Decision:
    """What the pipeline decides about message `msg_2`."""
    return Decision(action, "UNSPECIFIED", "PHASE_BOUNDARY", "because", ("msg_2",))
