"""One attempt of a turn: the phases in order, with the decisions about new messages in between.

P2, P3, P5.2 and P10 are not part of this release; nothing stands in for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from focal_embedding import Embedder
from focal_kernel.clock import Clock
from focal_pipeline.core import (
    bound_tools,
    generation,
    late_results,
    moves,
    phase_artifacts,
    response_plan,
    rule_filter,
    staging,
    tool_plan,
)
from focal_pipeline.core.artifacts import Shelf
from focal_pipeline.core.collection import Collection
from focal_pipeline.core.consent import Consent
from focal_pipeline.core.interrupts import Interrupts, Restarted
from focal_pipeline.core.judging import Judge, Standing
from focal_pipeline.core.known import Known
from focal_pipeline.core.live_text import LiveText
from focal_pipeline.core.model_chain import ModelChain, with_model
from focal_pipeline.core.prompts import Prompts
from focal_pipeline.core.reports import Reports
from focal_pipeline.core.response_plan import Findings, ResponsePlan, ResponseType
from focal_pipeline.core.retrieval import Retrieval, Retrieved
from focal_pipeline.core.rule_filter import Matched
from focal_pipeline.core.runtime import AgentRuntime
from focal_pipeline.core.runtimes import Runtimes
from focal_pipeline.core.scenarios import Scenarios
from focal_pipeline.core.stopwatch import Stopwatch
from focal_pipeline.core.templates import Templates
from focal_pipeline.core.tool_arguments import Arguments
from focal_pipeline.core.tool_plan import StoredPlan
from focal_pipeline.core.tool_running import Attempt, ToolRunning
from focal_pipeline.domain.course import Course
from focal_pipeline.domain.turn import InterruptPoint, Result, Turn, Usage
from focal_pipeline.ports import NO_COUNTS, LanguageModel, Memory, Output, ReuseCounts, Toolbox
from focal_pipeline.settings import PipelineSettings

PHASES = ("P1", "P4", "P5", "P6", "P7", "P8", "P9", "P11")


@dataclass(frozen=True)
class Brain:
    """What every turn uses."""

    runtimes: Runtimes
    embedder: Embedder
    toolbox: Toolbox
    memory: Memory
    model: LanguageModel | None
    settings: PipelineSettings
    clock: Clock
    judge: Judge | None = None
    counts: ReuseCounts = NO_COUNTS

    async def run(self, turn: Turn, interrupts: Interrupts, output: Output) -> Result:
        """The result of the turn. Raises Superseded when new messages take its place."""
        watch, usage = Stopwatch(self.clock.monotonic), Usage()
        shelf = Shelf(turn.artifacts, output, self.settings.artifacts, self.counts, self.clock.monotonic)
        await interrupts.check(InterruptPoint.PRE_PROCESSING)
        while True:
            grown = replace(turn, messages=(*turn.messages, *interrupts.absorbed))
            running = await self._begun(grown, interrupts, output, _Carried(watch, shelf, usage))
            try:
                return await running.to_the_end()
            except Restarted:
                usage = running.usage

    async def _begun(
        self, turn: Turn, interrupts: Interrupts, output: Output, carried: _Carried
    ) -> _RunningTurn:
        """The attempt before its phases. One that begins again makes a plan of its own: nothing of the
        earlier one has happened, or it can be undone and is, unless the new run rests on it too.
        """
        plan = None if interrupts.restarts else tool_plan.stored(turn)
        with carried.watch.phase("P1"):
            version = plan.config_version if plan else turn.config_version
            runtime = await self.runtimes.get(turn.tenant_id, turn.agent_id, version)
        planned = _planned_part(turn, plan)
        if len(planned.messages) < len(turn.messages):
            interrupts.leave_waiting()
        made = moves.make(planned.state, runtime)
        if not interrupts.restarts:
            await Reports(output, planned, runtime).made(made.fates)
        planned = replace(planned, state=made.state)
        return _RunningTurn(self, planned, runtime, plan, interrupts, output, carried)


@dataclass(frozen=True)
class _Carried:
    """What an attempt keeps when it begins again."""

    watch: Stopwatch
    shelf: Shelf
    usage: Usage


class _RunningTurn:
    """The state that the phases hand on; each phase is one method, in the order they run."""

    def __init__(
        self,
        brain: Brain,
        turn: Turn,
        runtime: AgentRuntime,
        plan: StoredPlan | None,
        interrupts: Interrupts,
        output: Output,
        carried: _Carried,
    ) -> None:
        self._brain = brain
        self._turn = turn
        self._runtime = runtime
        self._plan = plan
        self._interrupts = interrupts
        self._output = output
        self._watch = carried.watch
        self._shelf = carried.shelf
        self._known = Known(turn.customer_data, turn.state.variables)
        self._late = late_results.of(turn)
        if self._late is not None:
            self._known.set(late_results.variables(self._late, runtime))
        self._prompts = Prompts(turn, runtime)
        self._chain = ModelChain(brain.model, brain.settings.llm, runtime.agent, output, carried.usage)
        interrupts.standing = Standing(runtime.readers, self._known.values)
        self._reports = Reports(output, turn, runtime)
        thresholds = brain.embedder.thresholds
        self._scenarios = Scenarios(runtime, turn.state, thresholds, brain.settings.scenarios)
        self._collection = Collection(
            turn,
            runtime,
            self._known,
            self._scenarios,
            self._chain,
            self._prompts,
            pattern_timeout_s=brain.settings.collection.pattern_timeout_ms / 1000,
        )
        self._consent = Consent(turn, runtime, brain.settings.consent)
        attempt = Attempt(turn, runtime, plan, self._known, interrupts, output, self._consent)
        arguments = Arguments(
            self._chain, self._prompts, runtime.readers, self._known, fills=brain.settings.tools.model_fills
        )
        self._tools = ToolRunning(attempt, brain.toolbox, arguments, brain.settings.tools)

    @property
    def usage(self) -> Usage:
        """What the attempt has cost so far."""
        return self._chain.usage

    async def to_the_end(self) -> Result:
        """All phases. Raises Superseded, Restarted."""
        await self._reports.began(self._interrupts.restarts)
        retrieved = await self._retrieve()
        matched = self._filter(retrieved, self._scenarios.current())
        course = await self._orchestrate(retrieved)
        matched = self._filter(retrieved, course, *matched)
        await self._reports.matched(matched)
        course = await self._act(retrieved, matched, course)
        matched = self._consent.matched(matched)
        await self._reports.moved(course, self._tools.ran)
        planned = self._respond(matched, course)
        reply = await self._generate(planned, retrieved)
        result = self._stage(planned, reply, matched, course)
        await self._interrupts.check(InterruptPoint.PRE_COMMIT)
        result = replace(result, answered_message_ids=self._answered())
        await self._reports.ended(result)
        return result

    def _answered(self) -> tuple[str, ...]:
        """The messages the turn began with and those it went on with."""
        messages = (*self._turn.messages, *self._interrupts.absorbed)
        return tuple(dict.fromkeys(message.message_id for message in messages))

    async def _retrieve(self) -> Retrieved:
        with self._watch.phase("P4"):
            retrieval = Retrieval(self._brain.embedder, self._brain.memory, self._brain.settings.memory)
            found = await self._shelf.take_or(
                phase_artifacts.of_retrieval(self._turn, self._runtime, self._brain.embedder.dimensions),
                lambda: phase_artifacts.retrieval_inputs(self._turn),
                (str(self._runtime.version), self._runtime.embedding_model),
                lambda: self._interrupts.guard(retrieval.retrieve(self._turn, self._runtime, self._output)),
            )
        await self._interrupts.check(InterruptPoint.PHASE_BOUNDARY)
        return found

    def _filter(self, retrieved: Retrieved, course: Course | None, *before: Matched) -> tuple[Matched, ...]:
        """Rules of the scopes the course touches. It runs again after P6, because a rule of a step
        holds from the turn on that arrives there; what held before P6 still does.
        """
        with self._watch.phase("P5"):
            scopes = ["", *(course.scopes if course else ())]
            scopes += [key for m in before if (key := rule_filter.scope_of(m)) not in scopes]
            return rule_filter.match(
                self._runtime,
                retrieved.hybrid,
                dict.fromkeys(scopes),
                self._turn.state,
                self._brain.embedder.thresholds.rule,
                self._brain.settings.rules,
            )

    async def _orchestrate(self, retrieved: Retrieved) -> Course | None:
        with self._watch.phase("P6"):
            if self._plan is not None:
                self._consent.agreed = self._plan.agreed
                course = self._collection.replayed(self._plan)
            else:
                if self._consent.waiting is not None:
                    await self._interrupts.guard(self._consent.read(self._chain, self._prompts))
                course = await self._shelf.take_or(
                    phase_artifacts.of_orchestration(
                        self._collection, self._known, self._runtime, self._runtime.version
                    ),
                    lambda: phase_artifacts.orchestration_inputs(self._turn),
                    (str(self._runtime.version),),
                    lambda: self._interrupts.guard(self._collection.choose(retrieved, self._consent.settled)),
                )
        self._interrupts.standing.asks = self._would_ask(course)
        await self._interrupts.check(InterruptPoint.PHASE_BOUNDARY)
        return course

    def _would_ask(self, course: Course | None) -> tuple[str, ...]:
        """What the step misses. At a checkpoint nothing counts as the answer to a question that was not put
        yet.
        """
        if course is None or course.last.is_checkpoint:
            return ()
        return tuple(name for name in course.last.collects if name not in self._known.values)

    async def _act(
        self, retrieved: Retrieved, matched: Iterable[Matched], course: Course | None
    ) -> Course | None:
        """Run what is due; let new values move the scenario on, and run what is due there."""
        reported = late_results.reported_tool(self._turn)
        of_rules = bound_tools.of_rules(self._runtime, matched, without=reported)
        groups = [*self._consent.groups(), *of_rules]
        first = 0
        for _ in range(self._brain.settings.tools.legs):
            if course is not None:
                groups += bound_tools.of_course(self._runtime, course, first)
            with self._watch.phase("P7"):
                stopped_at = await self._tools.run(groups, course)
            if course is None:
                break
            if stopped_at is not None:
                return self._collection.held_up(course, stopped_at, self._tools.ran)
            first, groups = len(course.path), []
            with self._watch.phase("P6"):
                course = self._scenarios.walk_on(course, retrieved, self._known, tools_ran=first)
            if len(course.path) == first:
                break
        await self._interrupts.check(InterruptPoint.PHASE_BOUNDARY)
        return course

    def _respond(self, matched: tuple[Matched, ...], course: Course | None) -> ResponsePlan:
        self._interrupts.standing.asks = self._would_ask(course)
        with self._watch.phase("P8"):
            language = str(self._known.values.get("language", self._runtime.agent.default_language))
            scopes = course.scopes if course else ()
            templates = Templates(self._runtime, self._known.values, scopes, language)
            findings = Findings(
                runtime=self._runtime,
                known=self._known.values,
                matched=matched,
                course=course,
                ran=self._tools.ran,
                turn_group_id=self._turn.turn_group_id,
                late=self._late,
            )
            return response_plan.plan(findings, templates)

    async def _generate(self, planned: ResponsePlan, retrieved: Retrieved) -> generation.Reply:
        with self._watch.phase("P9"):
            task = generation.Task(
                agent=self._runtime.agent,
                plan=planned,
                text=self._turn.told,
                known=self._known.values,
                recalled=retrieved.recalled,
            )
            shown = LiveText(
                self._output,
                wanted=self._turn.wants_text_deltas,
                pause_s=self._brain.settings.live_text.pause_ms / 1000,
                now=self._brain.clock.monotonic,
            )
            self._interrupts.standing.written = lambda: shown.written
            return await self._worded(task, shown)

    async def _worded(self, task: generation.Task, shown: LiveText) -> generation.Reply:
        """The reply. A draft that is reused is shown as if it were written now."""
        reply = await self._shelf.take_or(
            phase_artifacts.of_draft(),
            phase_artifacts.draft_inputs(self._turn, task),
            (str(self._runtime.version),),
            lambda: self._interrupts.guard(generation.write(task, self._chain, self._prompts, shown)),
        )
        if not shown.written:
            await generation.show(reply.text, shown)
        return reply

    def _stage(
        self,
        planned: ResponsePlan,
        reply: generation.Reply,
        matched: tuple[Matched, ...],
        course: Course | None,
    ) -> Result:
        with self._watch.phase("P11"):
            happened = staging.Happened(
                runtime=self._runtime,
                state=self._turn.state,
                variables=self._known.session,
                matched=matched,
                course=course,
                ran=self._tools.ran,
                plan=planned,
            )
            state = staging.next_state(happened, self._brain.settings.scenarios)
        usage = self._chain.usage
        if reply.model:
            usage = replace(usage, models=with_model(usage.models, reply.model))
        return Result(
            answered_message_ids=self._answered(),
            reply=(reply.text,),
            outcome=reply.outcome,
            state=state,
            config_version=self._runtime.version,
            matched_rule_ids=tuple(m.rule.rule_id for m in matched),
            tools=staging.tool_uses(self._tools.ran),
            usage=usage,
            commit_point_reached=self._commit_point_reached(),
            phase_ms=self._watch.phase_ms,
            expects_more_input=planned.type in {ResponseType.ASK, ResponseType.CONFIRM},
            left_effect_ids=staging.left_effects(self._interrupts.undoable, self._tools.ran),
        )

    def _commit_point_reached(self) -> bool:
        return any(ran.outcome.commit_point_reached for ran in self._tools.ran) or any(
            effect.policy.value == "IRREVERSIBLE" for effect in self._turn.prior_effects
        )


def _planned_part(turn: Turn, plan: StoredPlan | None) -> Turn:
    """The turn as the stored plan knew it: messages that came later open the next turn."""
    if plan is None:
        return turn
    kept = tuple(m for m in turn.messages if m.message_id in plan.message_ids)
    return replace(turn, messages=kept) if kept else turn
