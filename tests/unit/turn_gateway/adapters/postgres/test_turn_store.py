import asyncio
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from focal_turn_gateway import errors
from focal_turn_gateway.adapters.postgres.message_store import PostgresMessageStore
from focal_turn_gateway.adapters.postgres.turn_store import PostgresTurnStore
from focal_turn_gateway.domain.accumulation import AggregationReason, Window
from focal_turn_gateway.domain.events import AgentReported, Event, TurnCompleted
from focal_turn_gateway.domain.turns import (
    Artifact,
    Attempt,
    Decision,
    SupersedeAction,
    TurnResult,
    TurnStatus,
    closed,
)
from focal_turn_gateway.ports.engine import Hold
from focal_turn_gateway.ports.turns import Committed, Idle, OutboxRow, Wait
from tests.fakes.gateway_turns import QUEUE
from tests.fakes.turn_gateway import result, submission

pytestmark = pytest.mark.migrated("focal_turn_gateway")

REPORTED = AgentReported("tool", "done", '{"n":1}', "INFO", "1.0")


class Place:
    """One session on real tables. `ids` are the messages' ids in order."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.messages = PostgresMessageStore(pool, 10_000, QUEUE)
        self.turns = PostgresTurnStore(pool, max_messages=3, history=2)
        self.ids: list[str] = []
        self.session_id = ""

    async def say(self, text: str = "hello", pause_ms: int = 0) -> str:
        accepted = await self.messages.submit(submission(text), Window(pause_ms, AggregationReason.TIMEOUT))
        self.session_id = accepted.session_id
        self.ids.append(accepted.message_id)
        return accepted.message_id

    async def look(self, lease: int | None = None) -> Idle | Wait | Attempt:
        return await self.turns.open_turn(Hold(self.session_id, asyncio.Event(), lease))

    async def open(self) -> Attempt:
        opened = await self.look()
        assert isinstance(opened, Attempt)
        return opened

    async def commit(self, attempt: Attempt, *ids: str, **changes: Any) -> Committed:
        found: TurnResult = result(*(ids or (message.message_id for message in attempt.messages)), **changes)
        turn = closed(attempt, found, TurnStatus.COMPLETE)
        last = Event(TurnCompleted(turn), turn.turn_id, turn.attempt)
        outbox = [OutboxRow("memory", turn.turn_id, {"n": 1})]
        return await self.turns.commit(attempt, turn, found.state, [last], outbox)

    async def dispositions(self) -> list[str]:
        rows = await self.pool.fetch("SELECT disposition FROM turns.messages ORDER BY sequence")
        return [row["disposition"] for row in rows]


@pytest.fixture
def place(pool: asyncpg.Pool) -> Place:
    return Place(pool)


def decided(action: SupersedeAction, *ids: str) -> Decision:
    return Decision(action, "UNSPECIFIED", "PHASE_BOUNDARY", "because", ids)


async def test_a_session_without_messages_is_idle(place: Place) -> None:
    place.session_id = "ses_unknown"
    assert await place.look() == Idle()


async def test_an_open_window_is_waited_for(place: Place) -> None:
    await place.say(pause_ms=5_000)
    step = await place.look()
    assert isinstance(step, Wait)
    assert 4 < step.seconds <= 5


async def test_a_turn_opens_with_all_the_pipeline_needs(place: Place) -> None:
    await place.say("one")
    await place.say("two")
    attempt = await place.open()
    assert [message.text for message in attempt.messages] == ["one", "two"]
    assert (attempt.attempt, attempt.epoch, attempt.first_offset, attempt.turn_count) == (1, 1, 3, 0)
    assert (attempt.tenant_id, attempt.agent_id, attempt.channel) == ("acme", "desk", "web")
    assert (attempt.history, attempt.artifacts) == ((), ())


async def test_only_the_holder_of_the_lease_opens_turns(place: Place) -> None:
    await place.say()
    await place.pool.execute("UPDATE turns.sessions SET gateway = 1")
    assert await place.look(lease=2) == Idle()
    assert isinstance(await place.look(lease=1), Attempt)


async def test_a_turn_takes_a_limited_number_of_messages(place: Place) -> None:
    for number in range(5):
        await place.say(str(number))
    first = await place.open()
    assert len(first.messages) == 3
    assert (await place.commit(first)).remaining
    assert len((await place.open()).messages) == 2


async def test_another_attempt_of_the_turn_has_a_higher_epoch_and_the_artifacts(place: Place) -> None:
    await place.say()
    first = await place.open()
    await place.turns.store_artifact(first, Artifact("plan", "{}", "in", "dep"))
    await place.turns.store_artifact(first, Artifact("plan", '{"v":2}', "in", "dep"))
    second = await place.open()
    assert (second.turn_id, second.attempt, second.epoch) == (first.turn_id, 2, 2)
    assert second.artifacts == (Artifact("plan", '{"v":2}', "in", "dep"),)


PLAN = Artifact("plan", "{}", "in", "dep", binding=True)
FOUND = Artifact("found", "{}", "in", "dep")


async def age_artifacts(place: Place) -> None:
    await place.pool.execute("UPDATE turns.artifacts SET created_at = created_at - interval '61 seconds'")


async def test_what_a_phase_found_ages_and_what_binds_the_turn_does_not(place: Place) -> None:
    await place.say()
    first = await place.open()
    for artifact in (PLAN, FOUND):
        await place.turns.store_artifact(first, artifact)
    assert (await place.open()).artifacts == (FOUND, PLAN)
    await age_artifacts(place)
    assert (await place.open()).artifacts == (PLAN,)


async def test_a_successor_gets_what_the_phases_found_and_not_what_bound_its_predecessor(
    place: Place,
) -> None:
    await place.say()
    first = await place.open()
    for artifact in (PLAN, FOUND):
        await place.turns.store_artifact(first, artifact)
    await place.turns.record_decision(first, decided(SupersedeAction.SUPERSEDE), "trn_9", [])
    successor = await place.open()
    assert successor.artifacts == (FOUND,)
    own = replace(FOUND, data_json='{"own":true}')
    await place.turns.store_artifact(successor, own)
    await place.turns.store_artifact(successor, PLAN)
    assert (await place.open()).artifacts == (own, PLAN)
    await age_artifacts(place)
    assert (await place.open()).artifacts == (PLAN,)


async def test_the_next_turn_gets_nothing(place: Place) -> None:
    await place.say()
    first = await place.open()
    await place.turns.store_artifact(first, FOUND)
    await place.commit(first)
    await place.say()
    assert (await place.open()).artifacts == ()


async def test_an_overtaken_attempt_can_change_nothing(place: Place) -> None:
    await place.say()
    old = await place.open()
    await place.open()
    event = Event(REPORTED, old.turn_id, 1)
    for attempted in (
        place.turns.record_events(old, [event]),
        place.turns.store_artifact(old, Artifact("plan", "{}")),
        place.turns.record_decision(old, decided(SupersedeAction.SUPERSEDE, *place.ids), "trn_9", [event]),
        place.commit(old),
    ):
        with pytest.raises(errors.AttemptLost):
            await attempted
    assert await place.pool.fetchval("SELECT count(*) FROM turns.artifacts") == 0
    assert await place.pool.fetchval("SELECT count(*) FROM turns.outbox") == 0
    assert await place.pool.fetchval("SELECT count(*) FROM turns.turns") == 1


async def test_a_commit_does_everything_at_once(place: Place) -> None:
    await place.say("hello")
    attempt = await place.open()
    committed = await place.commit(attempt)
    assert (committed.fresh, committed.first_offset, committed.remaining) == (True, 4, False)
    session = await place.pool.fetchrow("SELECT * FROM turns.sessions")
    assert session is not None
    assert (session["state"], session["turn_count"], session["config_version"]) == ('{"n":1}', 1, 7)
    turn = await place.pool.fetchrow("SELECT * FROM turns.turns")
    assert turn is not None
    assert (turn["status"], turn["turn_index"], turn["customer_text"], turn["reply_text"]) == (
        "COMPLETE",
        1,
        "hello",
        "good day",
    )
    assert await place.pool.fetchval("SELECT count(*) FROM turns.outbox") == 1
    assert await place.look() == Idle()


async def test_a_commit_that_is_repeated_counts_once(place: Place) -> None:
    await place.say()
    attempt = await place.open()
    await place.commit(attempt)
    assert not (await place.commit(attempt)).fresh
    await place.say()
    await place.open()
    assert not (await place.commit(attempt)).fresh
    assert await place.pool.fetchval("SELECT count(*) FROM turns.outbox") == 1


async def test_a_repeat_that_overtakes_its_first_try_is_no_lost_attempt(place: Place) -> None:
    """The first try is still at work in the server when its answer is given up and asked for again."""
    await place.say()
    attempt = await place.open()
    async with place.pool.acquire() as holder, holder.transaction():
        await holder.execute("SELECT 1 FROM turns.sessions FOR UPDATE")
        tries = [asyncio.ensure_future(place.commit(attempt)) for _ in range(2)]
        await asyncio.sleep(0.2)
    assert sorted([(await one).fresh for one in tries]) == [False, True]


@pytest.mark.parametrize("taken", [[1], [0, 2], [0, 9]])
async def test_only_the_open_prefix_of_the_session_can_be_consumed(place: Place, taken: list[int]) -> None:
    for number in range(3):
        await place.say(str(number))
    attempt = await place.open()
    ids = [*place.ids, *["msg_unknown"] * 7]
    with pytest.raises(errors.AttemptLost):
        await place.commit(attempt, *(ids[number] for number in taken))
    assert await place.pool.fetchval("SELECT count(*) FROM turns.messages WHERE turn_id IS NOT NULL") == 0


async def test_a_superseded_turn_hands_its_messages_to_a_successor_in_its_group(place: Place) -> None:
    await place.say("to Rome")
    first = await place.open()
    new = await place.say("no, to Paris")
    await place.turns.record_decision(first, decided(SupersedeAction.SUPERSEDE, new), "trn_next", [])
    second = await place.open()
    assert (second.turn_id, second.attempt, second.epoch) == ("trn_next", 1, 2)
    assert (second.superseded_from, second.turn_group_id) == (first.turn_id, first.turn_group_id)
    assert second.supersede_count == 1
    assert len(second.messages) == 2
    await place.commit(second)
    assert await place.dispositions() == ["JOINED", "SUPERSEDING"]


async def test_an_absorbed_message_is_answered_by_the_turn_and_stays_known_as_absorbed(place: Place) -> None:
    await place.say("refund")
    attempt = await place.open()
    new = await place.say("order 1")
    await place.turns.record_decision(attempt, decided(SupersedeAction.ABSORB, new), "", [])
    assert not (await place.commit(attempt, *place.ids)).remaining
    assert await place.dispositions() == ["JOINED", "ABSORBED"]
    assert await place.pool.fetchval("SELECT customer_text FROM turns.turns") == "refund\norder 1"


async def test_a_queued_message_opens_the_next_turn(place: Place) -> None:
    await place.say("refund")
    attempt = await place.open()
    new = await place.say("thanks")
    await place.turns.record_decision(attempt, decided(SupersedeAction.QUEUE, new), "", [])
    assert (await place.commit(attempt, place.ids[0])).remaining
    assert await place.dispositions() == ["JOINED", "QUEUED"]
    second = await place.open()
    assert (second.superseded_from, second.turn_group_id != attempt.turn_group_id) == ("", True)
    assert [exchange.customer_text for exchange in second.history] == ["refund"]
    assert second.state == '{"n":1}'


async def test_a_message_that_a_turn_took_in_does_not_shorten_the_next_window(place: Place) -> None:
    await place.say("refund")
    attempt = await place.open()
    await place.say("order 1")
    await place.commit(attempt, *place.ids)
    # Long after the absorbed message, as far as the longest wait is concerned.
    await place.pool.execute("UPDATE turns.sessions SET window_opened_at = window_opened_at - interval '1 h'")
    await place.say("hello", pause_ms=5_000)
    assert isinstance(await place.look(), Wait)


async def test_the_window_of_what_is_left_begins_with_its_first_message(place: Place) -> None:
    await place.say("refund")
    attempt = await place.open()
    absorbed = await place.say("order 1")
    queued = await place.say("thanks", pause_ms=5_000)
    await place.commit(attempt, place.ids[0], absorbed)
    begun = await place.pool.fetchval(
        "SELECT window_opened_at = received_at FROM turns.sessions JOIN turns.messages USING (session_id)"
        " WHERE message_id = $1",
        queued,
    )
    assert begun


async def test_a_failed_turn_keeps_the_state_and_the_pinned_version(place: Place) -> None:
    await place.say()
    first = await place.open()
    await place.commit(first)
    await place.say()
    second = await place.open()
    turn = closed(
        second, replace(result(place.ids[1]), state=None, config_version=8), TurnStatus.FAILED, "why"
    )
    await place.turns.commit(second, turn, None, [], [])
    session = await place.pool.fetchrow("SELECT state, config_version, turn_count FROM turns.sessions")
    assert session is not None
    assert tuple(session) == ('{"n":1}', 7, 2)


async def test_history_is_the_latest_turns_in_their_order(place: Place) -> None:
    for text in ("one", "two", "three"):
        await place.say(text)
        await place.commit(await place.open(), reply=text.upper())
    await place.say("four")
    history = (await place.open()).history
    assert [(past.customer_text, past.reply_text) for past in history] == [("two", "TWO"), ("three", "THREE")]


async def test_pending_messages_are_those_behind_a_sequence(place: Place) -> None:
    await place.say("one")
    attempt = await place.open()
    await place.say("two")
    assert [message.text for message in await place.turns.pending(attempt, 1)] == ["two"]
    assert await place.turns.pending(attempt, 2) == ()


async def test_an_attempt_that_was_overtaken_is_told_so_and_nothing_else(place: Place) -> None:
    await place.say("one")
    attempt = await place.open()
    await place.open()
    with pytest.raises(errors.AttemptLost):
        await place.turns.pending(attempt, 0)


async def test_events_get_offsets_without_gaps_from_many_writers(place: Place) -> None:
    await place.say()
    attempt = await place.open()
    event = Event(REPORTED, attempt.turn_id, 1)
    firsts = await asyncio.gather(
        *(place.turns.record_events(attempt, [event, event]) for _ in range(10)),
        *(place.say() for _ in range(10)),
    )
    assert min(first for first in firsts if isinstance(first, int)) >= 4
    rows = await place.pool.fetch('SELECT "offset" FROM turns.events ORDER BY 1')
    assert [row["offset"] for row in rows] == list(range(1, 34))
