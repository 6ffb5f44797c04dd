"""The fabric events of a turn: ids and figures, never what somebody said. Of what the agent says they hold
only the question that a call waits for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from focal_pipeline.core import staging
from focal_pipeline.core.moves import Fate
from focal_pipeline.core.rule_filter import Matched
from focal_pipeline.core.runtime import AgentRuntime
from focal_pipeline.domain.course import Course
from focal_pipeline.domain.session import ScenarioMove
from focal_pipeline.domain.tools import Ran, Status
from focal_pipeline.domain.turn import Event, Result, Severity, Turn
from focal_pipeline.ports import Output


class Reports:
    """Reports what happens in one turn."""

    def __init__(self, output: Output, turn: Turn, runtime: AgentRuntime) -> None:
        self._output = output
        self._turn = turn
        self._version = runtime.version

    async def began(self, restarts: int = 0) -> None:
        """The brain has what it needs; for the first time, or after so many restarts."""
        payload = {"config_version": self._version, "attempt": self._turn.attempt}
        if restarts:
            payload["restart"] = restarts
        await self._output.event(Event("infra", "brain.started", payload))

    async def made(self, fates: Iterable[tuple[ScenarioMove, Fate]]) -> None:
        """What became of the moves that an operator asked for."""
        for move, fate in fates:
            payload = {"scenario": move.scenario_id, "step": move.step_id}
            severity = Severity.WARN if fate is Fate.IGNORED else Severity.INFO
            await self._output.event(Event("scenario", fate.value, payload, severity))

    async def matched(self, matched: Sequence[Matched]) -> None:
        """The rules that apply, in one event."""
        rules = [{"rule": m.rule.rule_id, "score": m.score and round(m.score, 4)} for m in matched]
        if rules:
            await self._output.event(Event("rule", "matched", {"rules": rules}))

    async def moved(self, course: Course | None, ran: Sequence[Ran]) -> None:
        """Where a scenario began, went and ended; and calls that the toolbox refused."""
        for one in ran:
            if one.outcome.waits:
                await self._asked(one)
            elif one.outcome.status is Status.REFUSED:
                payload = {"tool": one.planned.tool_name, "reason": one.outcome.error_reason}
                await self._output.event(Event("policy", "refused", payload, Severity.WARN))
        if course is None:
            return
        place = {"scenario": course.scenario.scenario_id, "step": course.path[-1]}
        if course.started:
            await self._output.event(Event("scenario", "started", {**place, "step": course.path[0]}))
        if len(course.path) > 1:
            await self._output.event(Event("scenario", "moved", {**place, "path": list(course.path)}))
        if staging.completed(course, ran):
            await self._output.event(Event("scenario", "completed", place))

    async def _asked(self, waiting: Ran) -> None:
        """Somebody has to say yes: what to, and until when. Clients show it and may answer."""
        question = waiting.outcome.question
        if question is None:
            return
        payload = {
            "confirmation_id": question.confirmation_id,
            "tool": waiting.planned.tool_name,
            "prompt": question.prompt,
            "approver": "operator" if question.for_operator else "customer",
            "expires_at": question.expires_at,
        }
        await self._output.event(Event("tool", "confirmation.requested", payload))

    async def ended(self, result: Result) -> None:
        """What the turn cost."""
        payload = {
            "phase_ms": dict(result.phase_ms),
            "llm_calls": result.usage.llm_calls,
            "models": list(result.usage.models),
            "outcome": result.outcome.value,
        }
        await self._output.event(Event("infra", "brain.completed", payload))
