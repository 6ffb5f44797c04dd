import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from focal_turn_gateway import errors
from focal_turn_gateway.core.run_attempt import Finished, Superseded
from focal_turn_gateway.domain.events import (
    AgentReported,
    Dropped,
    Event,
    EventsDropped,
    SupersedeDecided,
    TextDelta,
)
from focal_turn_gateway.domain.messages import Disposition
from focal_turn_gateway.domain.turns import Decision, SupersedeAction
from focal_turn_gateway.ports.pipeline import PipelineFrame, Text
from tests.fakes.gateway_attempts import AT_ONCE, Place, decision
from tests.fakes.turn_gateway import (
    ScriptedRun,
    admission,
    result,
    submission,
)

REPORTED = AgentReported("tool", "done", '{"n":1}', "INFO", "1.0")


async def test_a_result_ends_the_attempt_with_its_messages() -> None:
    place = Place()
    attempt = await place.opened()
    outcome = await place.finish(attempt)
    assert outcome == Finished(result("msg_1"), [], attempt.messages)
    assert place.pipeline.abandoned == 1


async def test_a_first_attempt_needs_no_fence_and_a_second_one_gets_the_effects_so_far() -> None:
    place = Place()
    await place.finish(await place.opened())
    assert place.fence.epochs == []
    await place.finish(await place.again())
    assert place.fence.epochs == [2]
    assert place.pipeline.runs[1].effects == (b"effect",)


async def test_messages_that_arrive_are_stated_once_and_belong_to_what_is_finished() -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        told = [await run.told.get(), await run.told.get()]
        yield result("msg_1", *(message.message_id for message in told))

    place = Place(script)
    attempt = await place.opened("one")
    running = asyncio.ensure_future(place.finish(attempt))
    for text in ("two", "three"):
        await place.turns.submit(submission(text), AT_ONCE)
        place.woken.set()
        await asyncio.sleep(0.01)
    outcome = await running
    assert isinstance(outcome, Finished)
    assert [message.text for message in outcome.messages] == ["one", "two", "three"]
    assert place.pipeline.runs[0].told.empty()


async def answers_once_told(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
    """Waits for word of another message before it answers the first."""
    await run.told.get()
    yield result("msg_1")


async def test_a_lost_wake_is_made_good_by_polling() -> None:
    place = Place(answers_once_told)
    place.run = replace(place.run, poll_s=0.02)
    attempt = await place.opened()
    await place.turns.submit(submission("two"), AT_ONCE)
    assert isinstance(await place.finish(attempt), Finished)


async def test_a_store_that_goes_away_does_not_end_the_stating_of_messages() -> None:
    place = Place(answers_once_told)
    place.run = replace(place.run, poll_s=0.02)
    attempt = await place.opened()
    await place.turns.submit(submission("two"), AT_ONCE)
    place.turns.away = True
    running = asyncio.ensure_future(place.finish(attempt))
    await asyncio.sleep(0.1)
    place.turns.away = False
    assert isinstance(await running, Finished)


async def test_a_stream_that_takes_no_more_facts_still_brings_its_result() -> None:
    """A message arrives when the pipeline has said its last word and nobody has read it yet."""

    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        run.deaf = True
        place.woken.set()
        await asyncio.sleep(0.05)
        yield result("msg_1")

    place = Place(script)
    attempt = await place.opened()
    await place.turns.submit(submission("two"), AT_ONCE)
    assert isinstance(await place.finish(attempt), Finished)


@pytest.mark.parametrize("ids", [(), ("msg_2",), ("msg_1", "msg_9")])
async def test_a_result_that_skips_messages_or_answers_none_is_a_failure_for_good(ids: tuple[str]) -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        yield result(*ids)

    place = Place(script)
    with pytest.raises(errors.AttemptFailed) as caught:
        await place.finish(await place.opened("one", "two"))
    assert caught.value.fatal


async def test_text_is_shown_and_not_stored() -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        yield Text(1, "good ")
        yield result("msg_1")

    place = Place(script)
    attempt = await place.opened()
    await place.finish(attempt)
    assert place.feed.published == [TextDelta(attempt.turn_id, 1, 1, "good ")]
    assert "good " not in str(place.stored_bodies())


async def test_events_are_handed_over_with_the_result_or_stored_before_it() -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        yield REPORTED
        if run.attempt.attempt == 2:
            await asyncio.sleep(0.1)
        yield result("msg_1")

    place = Place(script)
    attempt = await place.opened()
    outcome = await place.finish(attempt)
    assert isinstance(outcome, Finished)
    assert outcome.events == [Event(REPORTED, attempt.turn_id, 1)]
    slow = await place.finish(await place.again())
    assert isinstance(slow, Finished)
    assert slow.events == []
    assert place.stored_bodies().count(REPORTED) == 1


async def test_events_that_are_not_stored_leave_one_word_at_the_end_of_the_attempt() -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        yield replace(REPORTED, payload_json="é" * 60)
        for _ in range(3):
            yield replace(REPORTED, category="invented")
        yield REPORTED
        yield result("msg_1")

    place = Place(script)
    attempt = await place.opened()
    outcome = await place.finish(attempt)
    assert isinstance(outcome, Finished)
    dropped = EventsDropped(
        (Dropped("tool", "PAYLOAD_TOO_LARGE", 1), Dropped("unknown", "UNKNOWN_CATEGORY", 3))
    )
    assert outcome.events == [Event(body, attempt.turn_id, 1) for body in (REPORTED, dropped)]


async def test_a_flood_is_cut_off_and_counted_and_the_decision_is_stored_all_the_same() -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        for _ in range(50):
            yield REPORTED
        yield decision(SupersedeAction.SUPERSEDE)

    place = Place(script, admit=admission(per_minute=10))
    await place.finish(await place.opened())
    kinds = [type(body).__name__ for body in place.stored_bodies()]
    assert kinds.count("AgentReported") == 10
    assert kinds[-3:] == ["EventsDropped", "SupersedeDecided", "TurnSuperseded"]
    assert place.stored_bodies()[-3] == EventsDropped((Dropped("tool", "RATE_LIMIT", 40),))


async def test_a_turn_past_its_commit_point_is_not_superseded_and_keeps_what_was_reported() -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        yield REPORTED
        yield decision(SupersedeAction.SUPERSEDE)

    place = Place(script)
    place.fence.past_commit_point = True
    attempt = await place.opened()
    with pytest.raises(errors.AttemptFailed, match="commit point") as caught:
        await place.finish(attempt)
    assert not caught.value.fatal
    assert place.turns.decisions == []
    assert place.stored_bodies()[-1] == REPORTED


async def test_a_supersede_ends_the_turn_in_favour_of_a_successor() -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        yield REPORTED
        yield decision(SupersedeAction.SUPERSEDE)

    place = Place(script)
    attempt = await place.opened()
    assert await place.finish(attempt) == Superseded()
    kinds = [type(body).__name__ for body in place.stored_bodies()]
    assert kinds[-3:] == ["AgentReported", "SupersedeDecided", "TurnSuperseded"]
    successor = await place.again()
    assert (successor.attempt, successor.superseded_from) == (1, attempt.turn_id)
    assert successor.turn_id != attempt.turn_id


async def test_other_decisions_are_kept_and_the_attempt_goes_on() -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        yield decision(SupersedeAction.QUEUE)
        yield result("msg_1")

    place = Place(script)
    assert isinstance(await place.finish(await place.opened()), Finished)
    assert [kept.action for kept in place.turns.decisions] == [SupersedeAction.QUEUE]


async def test_an_attempt_that_lost_its_session_stops_at_its_next_event() -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        await place.again()
        yield REPORTED
        await asyncio.Event().wait()

    place = Place(script)
    with pytest.raises(errors.AttemptLost):
        await place.finish(await place.opened())
    assert place.pipeline.abandoned == 1


async def test_an_attempt_that_is_cancelled_leaves_no_task_behind() -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        await asyncio.Event().wait()
        yield result("msg_1")

    place = Place(script)
    before = asyncio.all_tasks()
    running = asyncio.ensure_future(place.finish(await place.opened()))
    await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert asyncio.all_tasks() == before
    assert place.pipeline.abandoned == 1


async def test_an_absorbed_message_is_recorded_and_a_restart_marks_the_text_behind_it() -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        await run.told.get()
        yield Text(1, "Which ")
        yield Decision(SupersedeAction.ABSORB, "RESTART", "PHASE_BOUNDARY", "it completes it", ("msg_2",))
        yield Text(2, "Thanks")
        yield result("msg_1", "msg_2")

    place = Place(script)
    attempt = await place.opened("one")
    running = asyncio.ensure_future(place.finish(attempt))
    await place.turns.submit(submission("two"), AT_ONCE)
    place.woken.set()
    outcome = await running
    assert isinstance(outcome, Finished)
    assert [m.disposition for m in outcome.messages] == [Disposition.PENDING, Disposition.ABSORBED]
    texts = [item for item in place.feed.published if isinstance(item, TextDelta)]
    assert [(text.text, text.restart) for text in texts] == [("Which ", 0), ("Thanks", 1)]
    decided = [body for body in place.stored_bodies() if isinstance(body, SupersedeDecided)]
    assert [(d.action, d.absorb_strategy, d.restart) for d in decided] == [("ABSORB", "RESTART", 1)]


async def test_going_on_with_a_message_restarts_nothing() -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        await run.told.get()
        yield Decision(SupersedeAction.ABSORB, "CONTINUE", "PHASE_BOUNDARY", "a courtesy", ("msg_2",))
        yield Text(1, "Thanks")
        yield result("msg_1", "msg_2")

    place = Place(script)
    attempt = await place.opened("one")
    running = asyncio.ensure_future(place.finish(attempt))
    await place.turns.submit(submission("two"), AT_ONCE)
    place.woken.set()
    await running
    assert place.feed.published == [TextDelta(attempt.turn_id, 1, 1, "Thanks", 0)]
    decided = [body for body in place.stored_bodies() if isinstance(body, SupersedeDecided)]
    assert [d.restart for d in decided] == [0]
