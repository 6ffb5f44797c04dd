"""P6 as a whole: values out of the text, the scenario they lead to, values asked for on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from focal_pipeline.core import collecting, model_collecting
from focal_pipeline.core.known import Known
from focal_pipeline.core.model_chain import ModelChain
from focal_pipeline.core.prompts import Prompts
from focal_pipeline.core.retrieval import Retrieved
from focal_pipeline.core.runtime import AgentRuntime
from focal_pipeline.core.scenarios import Scenarios
from focal_pipeline.core.tool_plan import StoredPlan
from focal_pipeline.domain.bundle import Step, Variable
from focal_pipeline.domain.course import Course
from focal_pipeline.domain.tools import Ran
from focal_pipeline.domain.turn import Turn


class Collection:
    """Learns from the customer's text and moves the scenario accordingly."""

    def __init__(
        self,
        turn: Turn,
        runtime: AgentRuntime,
        known: Known,
        scenarios: Scenarios,
        chain: ModelChain,
        prompts: Prompts,
        pattern_timeout_s: float,
    ) -> None:
        self._turn = turn
        self._runtime = runtime
        self._known = known
        self._scenarios = scenarios
        self._chain = chain
        self._prompts = prompts
        self._pattern_timeout_s = pattern_timeout_s

    async def choose(self, retrieved: Retrieved, consented: bool = False) -> Course | None:
        """The course of this turn before any tool ran. One that answers to the call that waits (`consented`)
        opens no other scenario.
        """
        running = self._scenarios.current()
        self._learn(collecting.unasked)
        self._learn(collecting.asked_by(running.last if running and not running.started else None))
        # The name of a tool that reports may sound like a wish for it.
        reported = self._turn.cause.tells_of_a_tool and not self._turn.messages
        course = self._scenarios.choose(retrieved, self._known, enters=not (consented or reported))
        if course is None:
            return None
        course = self._answered_ahead(course, retrieved)
        if not self._chain.empty and await self._learn_by_model(course):
            course = self._scenarios.walk_on(course, retrieved, self._known)
        return self._scenarios.judge_confidence(course, retrieved)

    def replayed(self, plan: StoredPlan) -> Course | None:
        """The course that an earlier attempt took."""
        self._known.set(plan.values)
        if not plan.scenario_id:
            return None
        current = self._scenarios.current()
        if (
            current is None
            or current.started is not plan.started
            or current.scenario.scenario_id != plan.scenario_id
        ):
            current = self._scenarios.start(plan.scenario_id)
        return replace(current, path=plan.path)

    def held_up(self, course: Course, step_id: str, ran: Sequence[Ran]) -> Course:
        """The course cut at the step whose tool failed; "" means a rule's tool, which holds up none
        but the walk on.

        What nothing was found under is asked for again.
        """
        if not step_id:
            return course.resting_on(course.path[0])
        course = course.resting_on(step_id)
        on_step = [r for r in ran if r.planned.origin.step_id == step_id]
        if any(r.outcome.not_found for r in on_step):
            self._known.forget(course.last.collects)
        return course

    def _answered_ahead(self, course: Course, retrieved: Retrieved) -> Course:
        """An answer given before its question counts, except at a checkpoint: a yes to something
        that was not named yet agrees to nothing.
        """
        ahead = course.last
        if ahead.step_id not in course.entered or ahead.is_checkpoint:
            return course
        self._learn(collecting.asked_by(ahead))
        return self._scenarios.walk_on(course, retrieved, self._known)

    def _learn(self, may_take: collecting.MayTake) -> None:
        readers = self._runtime.readers.values()
        found = collecting.from_messages(readers, self._turn.messages, may_take, self._pattern_timeout_s)
        self._known.set(found)

    async def _learn_by_model(self, course: Course) -> bool:
        wanted = self._askable(course.last, entered=course.last.step_id in course.entered)
        if not wanted or not self._turn.messages:
            return False
        found = await model_collecting.read(self._chain, self._prompts, wanted)
        self._known.set(found)
        return bool(found)

    def _askable(self, step: Step, *, entered: bool) -> list[Variable]:
        """Variables that the step still misses and that the text may answer."""
        missing = [name for name in step.collects if name not in self._known.values]
        variables = [self._runtime.readers[n].variable for n in missing if n in self._runtime.readers]
        unanswerable = entered and step.is_checkpoint
        return [v for v in variables if not (unanswerable and v.only_when_asked)]
