import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pytest

from focal_turn_gateway import errors
from focal_turn_gateway.core import close_turn
from focal_turn_gateway.core.close_turn import CloseTurn, outbox_rows
from focal_turn_gateway.core.reply_format import Formatted, ReplyFormat
from focal_turn_gateway.core.run_attempt import Finished
from focal_turn_gateway.domain.accumulation import AggregationReason, Hint, Window
from focal_turn_gateway.domain.channels import Policy
from focal_turn_gateway.domain.events import AgentReported, Event, StoredEvent, TurnCompleted, TurnFailed
from focal_turn_gateway.domain.reply_parts import FormatReply
from focal_turn_gateway.domain.turns import Attempt, ReplySegment, Turn, TurnStatus, closed
from focal_turn_gateway.ports.engine import Hold
from focal_turn_gateway.ports.turns import Committed, OutboxRow
from tests.fakes.channel_overrides import channel_policies, reply_format
from tests.fakes.gateway_turns import InMemoryTurns
from tests.fakes.turn_gateway import REPLIES, Feed, attempt, message, result, submission

NAMES = ("memory", "outbound", "compensation")
NOTHING = Formatted((), Policy())
REPORTED = Event(AgentReported("tool", "done", "{}", "INFO", "1.0"), "trn_1", 1)


class Forgetful(InMemoryTurns):
    """Loses the answer to the first `lost_answers` commits, or the commits themselves while `away`."""

    lost_answers = 0
    tries = 0

    async def commit(
        self,
        attempt: Attempt,
        turn: Turn,
        state: str | None,
        events: Sequence[Event],
        outbox: Sequence[OutboxRow],
        hint: Hint | None = None,
    ) -> Committed:
        self.tries += 1
        committed = await super().commit(attempt, turn, state, events, outbox, hint)
        if self.lost_answers:
            self.lost_answers -= 1
            raise errors.StoreUnavailable
        return committed


class Place:
    """An open turn over one message and what closes it."""

    def __init__(self, patience_s: float = 5) -> None:
        self.turns, self.feed = Forgetful(), Feed()
        self.woken: list[str] = []
        destinations = {name: partial(self.woken.append, name) for name in NAMES}
        self.close = CloseTurn(self.turns, self.feed, destinations, reply_format(), REPLIES, patience_s)

    async def opened(self) -> Attempt:
        await self.turns.submit(submission("hello"), Window(0, AggregationReason.OFF))
        opened = await self.turns.open_turn(Hold("ses_1", asyncio.Event()))
        assert isinstance(opened, Attempt)
        return opened

    def log(self) -> list[StoredEvent]:
        return self.turns.sessions_by_id["ses_1"].events


def finished(ran: Attempt, *events: Event) -> Finished:
    return Finished(result("msg_1"), list(events), ran.messages)


async def test_a_commit_stores_shows_and_wakes_delivery() -> None:
    place = Place()
    ran = await place.opened()
    assert await place.close.complete(ran, finished(ran, REPORTED)) is False
    last = place.log()[-1]
    assert isinstance(last.body, TurnCompleted)
    assert place.feed.published == place.log()[-2:]
    assert place.woken == ["memory", "outbound"]
    assert [(row.destination, row.dedupe_key) for row in place.turns.outbox] == [
        ("outbound", f"{ran.turn_id}:0:0"),
        ("memory", ran.turn_id),
    ]


async def test_effects_that_the_result_leaves_are_owed_their_undoing() -> None:
    place = Place()
    ran = await place.opened()
    left = replace(result("msg_1"), left_effect_ids=("eff_1", "eff_2"))
    await place.close.complete(ran, Finished(left, [], ran.messages))
    (owed,) = [row for row in place.turns.outbox if row.destination == "compensation"]
    assert owed.dedupe_key == ran.turn_id
    assert owed.payload["effect_ids"] == ["eff_1", "eff_2"]
    assert (owed.payload["turn_group_id"], owed.payload["epoch"]) == (ran.turn_group_id, ran.epoch)
    assert owed.payload["config_version"] == left.config_version
    told, last = [event.body for event in place.log()[-2:]]
    assert isinstance(told, AgentReported)
    assert (told.category, told.type) == ("infra", "compensation.requested")
    assert isinstance(last, TurnCompleted)
    assert last.turn.left_effect_ids == ("eff_1", "eff_2")
    assert "compensation" in place.woken


async def test_a_turn_that_failed_leaves_the_effects_of_its_group_alone() -> None:
    place = Place()
    ran = replace(await place.opened(), superseded_from="trn_0")
    await place.close.fail(ran, "no attempt succeeded")
    assert [row.destination for row in place.turns.outbox] == ["outbound", "memory"]


async def test_messages_that_came_meanwhile_are_left_and_said_so() -> None:
    place = Place()
    ran = await place.opened()
    await place.turns.submit(submission("more"), Window(0, AggregationReason.OFF))
    assert await place.close.complete(ran, finished(ran)) is True


async def test_a_commit_whose_answer_was_lost_is_repeated_and_counts_once() -> None:
    place = Place()
    place.turns.lost_answers = 2
    ran = await place.opened()
    await place.close.complete(ran, finished(ran))
    assert place.turns.tries == 3
    assert [type(event.body) for event in place.log()].count(TurnCompleted) == 1
    assert place.feed.hinted == ["ses_1"]  # its offsets are unknown: followers read the log


async def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(close_turn, "_RETRY_S", 0.01)
    place = Place(patience_s=0.05)
    ran = await place.opened()
    place.turns.away = True
    with pytest.raises(errors.StoreUnavailable):
        await place.close.complete(ran, finished(ran))
    assert place.turns.tries > 1


async def test_a_failed_turn_answers_its_messages_with_the_error_reply_and_keeps_the_state() -> None:
    place = Place()
    ran = await place.opened()
    await place.close.fail(ran, "no attempt succeeded")
    last = place.log()[-1].body
    assert isinstance(last, TurnFailed)
    assert (last.turn.status, last.turn.reply_text, last.turn.message_ids) == (
        TurnStatus.FAILED,
        "sorry",
        ("msg_1",),
    )
    assert last.turn.status_reason == "no attempt succeeded"
    assert place.turns.sessions_by_id["ses_1"].state == ""


def test_memory_gets_every_answered_message_also_one_that_came_during_the_turn() -> None:
    ran = attempt(message(1))
    turn = closed(ran, result("msg_1", "msg_2"), TurnStatus.COMPLETE)
    [row] = outbox_rows(ran, turn, NOTHING, [message(1), message(2), message(3)], frozenset({"memory"}))
    assert [episode["episode_id"] for episode in row.payload["episodes"]] == [
        "msg_1",
        "msg_2",
        "trn_1-reply",
    ]


def test_memory_gets_no_empty_reply() -> None:
    ran = attempt(message(1))
    turn = closed(ran, result("msg_1", reply=" \n"), TurnStatus.COMPLETE)
    [row] = outbox_rows(ran, turn, NOTHING, ran.messages, frozenset({"memory"}))
    assert [episode["source"] for episode in row.payload["episodes"]] == ["USER"]


async def test_each_part_of_each_segment_is_an_outbound_row_of_its_own() -> None:
    ran = attempt(message(1), channel="sms")
    segments = (ReplySegment(0, "a " * 100), ReplySegment(1, "b"))
    turn = closed(ran, replace(result("msg_1"), reply=segments), TurnStatus.COMPLETE)
    reply = await reply_format()(ran, turn)
    rows = outbox_rows(ran, turn, reply, ran.messages, frozenset({"outbound"}))
    assert [(row.dedupe_key, row.payload["part"], row.payload["parts"]) for row in rows] == [
        ("trn_1:0:0", 0, 2),
        ("trn_1:0:1", 1, 2),
        ("trn_1:1:0", 0, 1),
    ]
    assert [row.payload["dedupe_key"] for row in rows] == [row.dedupe_key for row in rows]
    assert turn.reply == segments


async def test_a_reply_that_cannot_be_formatted_is_sent_as_it_is() -> None:
    ran = attempt(message(1), channel="sms")
    turn = closed(ran, result("msg_1", reply="**x**"), TurnStatus.COMPLETE)
    broken = ReplyFormat(channel_policies(), FormatReply(None), 100)  # type: ignore[arg-type]
    assert [part.text for part in (await broken(ran, turn)).parts] == ["**x**"]


async def test_nothing_is_owed_to_destinations_that_are_not_in_use() -> None:
    ran = attempt(message(1))
    turn = closed(ran, result("msg_1"), TurnStatus.COMPLETE)
    assert outbox_rows(ran, turn, await reply_format()(ran, turn), ran.messages, frozenset()) == []


async def test_the_hint_of_a_result_is_kept_and_that_of_a_failed_turn_is_the_last_one() -> None:
    place = Place()
    opened = await place.opened()
    hint = Hint(awaiting_required_field=True, expected_input_type="order_id")
    await place.close.complete(opened, Finished(result("msg_1", hint=hint), [], opened.messages))
    assert place.turns.sessions_by_id["ses_1"].hint == hint
    await place.close.fail(await place.opened(), "broken")
    assert place.turns.sessions_by_id["ses_1"].hint == hint
