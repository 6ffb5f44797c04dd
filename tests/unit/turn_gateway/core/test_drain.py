import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from focal_turn_gateway import errors
from focal_turn_gateway.adapters.engines.in_memory import InMemoryEngine
from focal_turn_gateway.core.close_turn import CloseTurn
from focal_turn_gateway.core.drain import OUT_OF_TIME, Drain
from focal_turn_gateway.core.run_attempt import RunAttempt
from focal_turn_gateway.domain.accumulation import AggregationReason, Window
from focal_turn_gateway.domain.error_policy import ErrorPolicy, Pauses, Policy, Target
from focal_turn_gateway.domain.events import AgentReported
from focal_turn_gateway.domain.turns import Decision, SupersedeAction, Turn, TurnStatus
from focal_turn_gateway.ports.engine import Hold
from focal_turn_gateway.ports.pipeline import Fenced, PipelineFrame
from tests.fakes.channel_overrides import reply_format
from tests.fakes.gateway_turns import InMemoryTurns
from tests.fakes.turn_gateway import (
    REPLIES,
    Feed,
    Fence,
    Script,
    ScriptedPipeline,
    ScriptedRun,
    admission,
    answer,
    result,
    submission,
)
from tests.fakes.until import until


class Place:
    """The turn program over in-memory ports."""

    def __init__(self, script: Script = answer, max_attempts: int = 3, **policies: Any) -> None:
        self.turns, self.feed, self.fence = InMemoryTurns(), Feed(), Fence()
        self.pipeline = ScriptedPipeline(script)
        run = RunAttempt(
            self.turns,
            self.pipeline,
            self.fence,
            self.feed,
            poll_s=5,
            flush_s=0,
            max_artifacts=10,
            max_artifact_bytes=100,
            admit=admission(),
        )
        close = CloseTurn(self.turns, self.feed, {}, reply_format(), REPLIES, patience_s=1)
        lost = Pauses(max_attempts - 1, first_s=0.001, longest_s=0.01)
        policy = ErrorPolicy(lost, Pauses(1, 0.001, 0.01), **policies)
        self.drain = Drain(self.turns, run, close, self.feed, policy, poll_s=5)
        self.hold = Hold("ses_1", asyncio.Event())

    async def say(self, text: str = "hello", pause_ms: int = 0) -> None:
        await self.turns.submit(submission(text), Window(pause_ms, AggregationReason.OFF))
        self.hold.woken.set()

    async def drained(self) -> list[Turn]:
        async with asyncio.timeout(5):
            await self.drain(self.hold)
        return self.turns.sessions_by_id["ses_1"].turns


async def failing(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
    raise errors.AttemptFailed("the brain broke", fatal=False)
    yield


async def test_an_empty_session_is_left_at_once() -> None:
    place = Place()
    async with asyncio.timeout(5):
        await place.drain(place.hold)
    assert place.pipeline.runs == []


async def test_all_messages_that_wait_are_one_turn() -> None:
    place = Place()
    await place.say("one")
    await place.say("two")
    [turn] = await place.drained()
    assert turn.message_ids == ("msg_1", "msg_2")


async def test_a_window_is_waited_out_and_a_wake_looks_again() -> None:
    place = Place()
    await place.say("one", pause_ms=10_000)
    draining = asyncio.ensure_future(place.drained())
    await asyncio.sleep(0.01)
    assert place.pipeline.runs == []
    await place.say("two", pause_ms=0)
    [turn] = await draining
    assert turn.message_ids == ("msg_1", "msg_2")


async def test_a_message_during_the_turn_is_answered_by_the_next_one() -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        if len(place.pipeline.runs) == 1:
            await place.say("two")
        yield result(*(message.message_id for message in run.attempt.messages))

    place = Place(script)
    await place.say("one")
    assert [turn.message_ids for turn in await place.drained()] == [("msg_1",), ("msg_2",)]


async def test_a_superseded_turn_is_followed_by_its_successor_at_once() -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        if len(run.attempt.messages) == 1:
            await place.say("two")
            told = await run.told.get()
            yield Decision(SupersedeAction.SUPERSEDE, "UNSPECIFIED", "PRE_COMMIT", "new", (told.message_id,))
        else:
            yield result("msg_1", "msg_2")

    place = Place(script)
    await place.say("one")
    [turn] = await place.drained()
    assert turn.message_ids == ("msg_1", "msg_2")
    assert place.fence.epochs == [2]


async def test_a_failed_attempt_is_repeated_with_a_fence_before_it() -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        if run.attempt.attempt < 3:
            raise errors.AttemptFailed("the brain broke", fatal=False)
        yield result("msg_1")

    place = Place(script)
    await place.say()
    [turn] = await place.drained()
    assert (turn.status, turn.attempt) == (TurnStatus.COMPLETE, 3)
    assert place.fence.epochs == [2, 3]


async def test_a_turn_that_no_attempt_survives_fails_and_the_session_goes_on() -> None:
    place = Place(failing)
    await place.say("poison")
    [failed] = await place.drained()
    assert (failed.status, failed.reply_text, len(place.pipeline.runs)) == (TurnStatus.FAILED, "sorry", 3)
    place.pipeline.script = answer
    await place.say("hello")
    assert (await place.drained())[-1].status is TurnStatus.COMPLETE


async def test_a_failure_for_good_is_not_repeated() -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        raise errors.AttemptFailed("AGENT_NOT_FOUND", fatal=True)
        yield

    place = Place(script)
    await place.say()
    [turn] = await place.drained()
    assert (turn.status, turn.status_reason) == (TurnStatus.FAILED, "AGENT_NOT_FOUND")
    assert len(place.pipeline.runs) == 1


async def test_an_attempt_that_was_overtaken_commits_nothing_and_leaves() -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        await place.turns.open_turn(Hold("ses_1", asyncio.Event()))
        yield result("msg_1")

    place = Place(script)
    await place.say()
    assert await place.drained() == []
    assert len(place.pipeline.runs) == 1


async def test_a_store_that_is_away_is_the_engines_business() -> None:
    place = Place()
    await place.say()
    place.turns.away = True
    with pytest.raises(errors.StoreUnavailable):
        await place.drained()


async def test_the_engine_answers_everything_that_is_said_through_it() -> None:
    place = Place()
    engine = InMemoryEngine()
    serving = asyncio.ensure_future(engine.serve(place.drain))
    for number in range(20):
        await place.say(str(number))
        engine.wake("acme", "ses_1")
        await asyncio.sleep(0)
    session = place.turns.sessions_by_id["ses_1"]
    await until(lambda: not session.open, "all is answered")
    answered = [message_id for turn in session.turns for message_id in turn.message_ids]
    assert answered == [f"msg_{number}" for number in range(1, 21)]
    serving.cancel()


async def hanging(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
    await asyncio.Event().wait()
    yield result("msg_1")


async def out_of_time(place: Place) -> None:
    await place.say()
    [turn] = await place.drained()
    assert (turn.status, turn.status_reason, turn.reply_text) == (TurnStatus.FAILED, OUT_OF_TIME, "sorry")


async def test_a_turn_whose_pipeline_stays_silent_ends_when_its_budget_does() -> None:
    place = Place(hanging, budget_s=0.05)
    await out_of_time(place)
    assert place.pipeline.abandoned == 1
    place.pipeline.script = answer
    await place.say("hello")
    assert (await place.drained())[-1].status is TurnStatus.COMPLETE


async def test_a_turn_whose_fence_hangs_ends_when_its_budget_does() -> None:
    place = Place(failing, budget_s=0.2)

    async def hang(turn: object) -> Fenced:
        return await asyncio.Future()

    place.fence.fence = hang  # type: ignore[method-assign]
    await out_of_time(place)


async def test_attempts_after_the_budget_are_not_run() -> None:
    place = Place(answer, budget_s=10)
    place.turns.spent_s = 11
    await out_of_time(place)
    assert place.pipeline.runs == []


async def unserved(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
    raise errors.AttemptFailed("MODEL_UNAVAILABLE", fatal=False, unserved=True)
    yield


async def test_models_that_do_not_answer_are_asked_again_so_many_times() -> None:
    place = Place(unserved, max_attempts=9)
    await place.say()
    [turn] = await place.drained()
    assert (turn.status, turn.attempt) == (TurnStatus.FAILED, 2)


async def test_an_escalation_is_an_event_that_names_its_target() -> None:
    place = Place(unserved, provider=Policy.ESCALATE, target=Target.INTERNAL_ALERT)
    await place.say()
    [turn] = await place.drained()
    reported = [
        e.body for e in place.turns.sessions_by_id["ses_1"].events if isinstance(e.body, AgentReported)
    ]
    assert [f"{body.category}.{body.type}" for body in reported] == ["infra.error.escalated"]
    assert '"target":"internal_alert"' in reported[0].payload_json
    assert turn.reply_text == "sorry"


@pytest.mark.parametrize("target", list(Target))
async def test_the_customer_is_promised_a_person_only_where_that_is_the_target(target: Target) -> None:
    place = Place(unserved, provider=Policy.ESCALATE, target=target)
    await place.say()
    [turn] = await place.drained()
    [segment] = turn.reply
    promised = target is Target.USER_ERROR
    assert segment.text == ("a person will look" if promised else "sorry")
    assert segment.structured_json == ('{"code":"ESCALATED"}' if promised else "")


async def test_a_fallback_is_a_failed_turn_with_a_reply_of_its_own_and_nobody_is_told() -> None:
    place = Place(unserved, provider=Policy.FALLBACK, target=Target.USER_ERROR)
    await place.say()
    [turn] = await place.drained()
    assert (turn.status, turn.reply_text, turn.attempt) == (TurnStatus.FAILED, "not now", 1)
    assert not any(isinstance(e.body, AgentReported) for e in place.turns.sessions_by_id["ses_1"].events)


async def test_a_failure_that_is_ignored_has_no_reply() -> None:
    place = Place(unserved, provider=Policy.IGNORE)
    await place.say()
    [turn] = await place.drained()
    assert (turn.status, turn.reply) == (TurnStatus.FAILED, ())
