"""Run one attempt on the pipeline: hand it facts, keep what it reports, bring back what it decided."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NoReturn

from focal_kernel import ids
from focal_service_kit import tasks
from focal_turn_gateway import errors
from focal_turn_gateway.core.admit_events import AdmitEvents, category_of
from focal_turn_gateway.core.reporting import Reporter
from focal_turn_gateway.domain.events import (
    AgentReported,
    Event,
    SupersedeDecided,
    TextDelta,
    TurnSuperseded,
)
from focal_turn_gateway.domain.messages import Message
from focal_turn_gateway.domain.turns import Attempt, Decision, SupersedeAction, TurnResult
from focal_turn_gateway.ports.live import LiveFeed
from focal_turn_gateway.ports.pipeline import (
    EffectFence,
    OfferedArtifact,
    Pipeline,
    PipelineFrame,
    PipelineRun,
    Text,
)
from focal_turn_gateway.ports.turns import TurnStore


@dataclass(frozen=True, slots=True)
class Superseded:
    """The turn ended in favour of a successor, which waits for its messages."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The attempt has a result, and events that wait to be stored with it.

    `messages` are those of the attempt and those that came while it ran.
    """

    result: TurnResult
    events: list[Event]
    messages: tuple[Message, ...]


Outcome = Superseded | Finished


@dataclass(frozen=True, slots=True)
class RunAttempt:
    """`poll_s` makes lost wake hints good, `flush_s` batches events; both in seconds."""

    store: TurnStore
    pipeline: Pipeline
    fence: EffectFence
    live: LiveFeed
    poll_s: float
    flush_s: float
    max_artifacts: int
    max_artifact_bytes: int
    admit: AdmitEvents

    async def __call__(self, attempt: Attempt, woken: asyncio.Event) -> Outcome:
        """Run the attempt. Raises AttemptLost, AttemptFailed, StoreUnavailable."""
        effects = (await self.fence.fence(attempt)).effects if attempt.follows_uncommitted else ()
        reporter = Reporter(self.store, self.live, attempt, self.flush_s)
        messages = list(attempt.messages)
        async with self.pipeline.run(attempt, effects) as run:
            main = asyncio.create_task(self._listen(attempt, run, reporter, messages), name="listen")
            side_tasks = [
                asyncio.create_task(self._tell_pending(attempt, run, woken, messages), name="tell pending"),
                asyncio.create_task(reporter.run(), name="report"),
            ]
            try:
                await asyncio.wait([main, *side_tasks], return_when=asyncio.FIRST_COMPLETED)
                # A result counts, whatever befell the tasks beside it; if it must not, its commit says so.
                for task in side_tasks:
                    if task.done() and not main.done():
                        task.result()
                return await main
            except errors.AttemptFailed:
                await reporter.rescue()
                raise
            finally:
                await tasks.cancel([main, *side_tasks])

    async def _listen(
        self, attempt: Attempt, run: PipelineRun, reporter: Reporter, messages: list[Message]
    ) -> Outcome:
        artifacts: set[str] = set()
        restarts = 0
        async for frame in run.frames():
            match frame:
                case TurnResult():
                    if not frame.answers_first_of(messages, triggered=bool(attempt.trigger_json)):
                        raise errors.AttemptFailed("the result skips messages or answers none", fatal=True)
                    return Finished(frame, await reporter.take(last=True), tuple(messages))
                case Decision():
                    restarts += frame.restarts
                    _note_dispositions(frame, messages)
                    if await self._decided(attempt, frame, restarts, reporter):
                        return Superseded()
                case OfferedArtifact():
                    artifacts.add(frame.artifact.name)
                    await self._keep(attempt, run, reporter, frame, len(artifacts))
                case _:
                    self._report(attempt, frame, restarts, reporter)
        raise AssertionError("frames end by a result or by raising")

    def _report(self, attempt: Attempt, frame: PipelineFrame, restarts: int, reporter: Reporter) -> None:
        if isinstance(frame, Text):
            delta = TextDelta(attempt.turn_id, attempt.attempt, frame.sequence, frame.text, restarts)
            self.live.publish(attempt.session_id, [delta])
        elif isinstance(frame, AgentReported):
            admitted = self.admit(attempt.tenant_id, frame)
            if isinstance(admitted, AgentReported):
                reporter.add(Event(admitted, attempt.turn_id, attempt.attempt))
            else:
                reporter.drop(category_of(frame), admitted)

    async def _keep(
        self,
        attempt: Attempt,
        run: PipelineRun,
        reporter: Reporter,
        offered: OfferedArtifact,
        count: int,
    ) -> None:
        """Store what the pipeline waits for at once, anything else with the next events."""
        size = len(offered.artifact.data_json.encode())
        if count > self.max_artifacts or size > self.max_artifact_bytes:
            raise errors.AttemptFailed("the pipeline offers more artifacts than are kept", fatal=True)
        if offered.acknowledge:
            await self.store.store_artifact(attempt, offered.artifact)
            await run.tell_stored(offered.artifact.name)
        else:
            reporter.keep(offered.artifact)

    async def _decided(self, attempt: Attempt, decision: Decision, restarts: int, reporter: Reporter) -> bool:
        """Keep the decision; true when it ends this turn."""
        supersede = decision.action is SupersedeAction.SUPERSEDE
        successor_id = ids.new_id("trn") if supersede else ""
        reported = await reporter.take(last=supersede)
        events = [*reported, self._event(attempt, decision, restarts)]
        if supersede and await self.fence.committed(attempt):
            await self._refuse_to_supersede(attempt, reported)
        if supersede:
            await reporter.rescue()
            events.append(
                Event(TurnSuperseded(successor_id, decision.reason), attempt.turn_id, attempt.attempt)
            )
        try:
            await self.store.record_decision(attempt, decision, successor_id, events)
        except errors.CommitPointPassed:
            await self._refuse_to_supersede(attempt, reported)
        self.live.hint(attempt.session_id)
        return supersede

    async def _refuse_to_supersede(self, attempt: Attempt, reported: list[Event]) -> NoReturn:
        """What has happened is told to the end, whatever the pipeline thinks: by another attempt, which is
        shown the effects.
        """
        await self.store.record_events(attempt, reported)
        raise errors.AttemptFailed("the pipeline supersedes a turn past its commit point", fatal=False)

    def _event(self, attempt: Attempt, decision: Decision, restarts: int) -> Event:
        body = SupersedeDecided(
            decision.action.value,
            decision.absorb_strategy,
            decision.interrupt_point,
            decision.reason,
            decision.message_ids,
            restarts if decision.restarts else 0,
        )
        return Event(body, attempt.turn_id, attempt.attempt)

    async def _tell_pending(
        self, attempt: Attempt, run: PipelineRun, woken: asyncio.Event, messages: list[Message]
    ) -> None:
        """State each message that arrives, once, and add it to `messages`.

        Raises AttemptLost. A store that is away is asked again; a stream that takes no more facts has its
        end, which `_listen` reads.
        """
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.poll_s):
                    await woken.wait()
            woken.clear()
            arrived: tuple[Message, ...] = ()
            with suppress(errors.StoreUnavailable):
                last = messages[-1].sequence if messages else 0
                arrived = await self.store.pending(attempt, last)
            if arrived:
                messages += arrived
                try:
                    await run.tell_pending(arrived)
                except errors.AttemptFailed:
                    return


def _note_dispositions(decision: Decision, messages: list[Message]) -> None:
    """What the decision makes of the messages it is about."""
    for place, message in enumerate(messages):
        if message.message_id in decision.message_ids:
            messages[place] = replace(message, disposition=decision.disposition)
