import asyncio

import pytest

from focal_turn_gateway import errors
from focal_turn_gateway.core.accumulate import Accumulate
from focal_turn_gateway.core.follow import Follow
from focal_turn_gateway.core.link_identity import LinkIdentity
from focal_turn_gateway.core.send import Send
from focal_turn_gateway.core.submit import Submit
from focal_turn_gateway.domain.accumulation import AggregationReason, Off, Window
from focal_turn_gateway.domain.events import Event, TurnCompleted
from focal_turn_gateway.domain.messages import Accepted, Submission
from focal_turn_gateway.domain.turns import Attempt, TurnStatus, closed
from focal_turn_gateway.ports.engine import Hold
from tests.fakes.channel_overrides import channel_policies
from tests.fakes.gateway_turns import InMemoryTurns
from tests.fakes.turn_gateway import Directory, Feed, Refused, Wakes, admit, result, submission


class Slow(InMemoryTurns):
    """Takes `pause_s` to store a message."""

    pause_s = 0.0

    async def submit(self, submission: Submission, window: Window) -> Accepted:
        accepted = await super().submit(submission, window)
        await asyncio.sleep(self.pause_s)
        return accepted


class Place:
    """A send over in-memory ports; the test itself closes turns."""

    def __init__(self) -> None:
        self.turns, self.feed, self.engine = Slow(), Feed(), Wakes()
        submit = Submit(
            Directory(),
            self.turns,
            self.engine,
            self.feed,
            Accumulate(channel_policies(), Off(), self.turns),
            Refused(),
            admit(),
            LinkIdentity(channel_policies()),
        )
        self.send = Send(submit, Follow(self.turns, self.feed, poll_s=0.02, page=10), self.turns)

    async def close(self, *message_ids: str) -> None:
        opened = await self.turns.open_turn(Hold("ses_1", asyncio.Event()))
        assert isinstance(opened, Attempt)
        turn = closed(opened, result(*message_ids), TurnStatus.COMPLETE)
        last = Event(TurnCompleted(turn), turn.turn_id, 1)
        await self.turns.commit(opened, turn, None, [last], [])
        self.feed.hint("ses_1")


async def test_the_turn_that_answers_the_message_is_returned() -> None:
    place = Place()
    sending = asyncio.ensure_future(place.send(submission("hello"), 5))
    await asyncio.sleep(0.01)
    await place.close("msg_1")
    accepted, turn = await sending
    assert turn.message_ids == (accepted.message_id,)


async def test_a_turn_that_answers_others_is_not_taken_for_the_answer() -> None:
    place = Place()
    first = asyncio.ensure_future(place.send(submission("one"), 5))
    second = asyncio.ensure_future(place.send(submission("two"), 5))
    await asyncio.sleep(0.01)
    await place.close("msg_1")
    await asyncio.sleep(0.05)
    assert (first.done(), second.done()) == (True, False)
    await place.close("msg_2")
    assert (await second)[1].message_ids == ("msg_2",)


async def test_a_repeat_gets_the_stored_answer_at_once() -> None:
    place = Place()
    await place.turns.submit(submission("hello", "r1"), Window(0, AggregationReason.OFF))
    await place.close("msg_1")
    accepted, turn = await place.send(submission("hello", "r1"), 5)
    assert (accepted.duplicate, turn.message_ids) == (True, ("msg_1",))


async def test_a_repeat_before_the_answer_waits_for_it() -> None:
    place = Place()
    sending = [asyncio.ensure_future(place.send(submission("hello", "r1"), 5)) for _ in range(2)]
    await asyncio.sleep(0.01)
    await place.close("msg_1")
    turns = {turn.turn_id for _, turn in await asyncio.gather(*sending)}
    assert len(turns) == 1


async def test_patience_ends_with_the_id_of_the_message_that_will_be_answered() -> None:
    place = Place()
    with pytest.raises(errors.ReplyNotReady) as caught:
        await place.send(submission("hello"), 0.05)
    assert caught.value.metadata == {"message_id": "msg_1"}
    assert place.engine.woken == ["ses_1"]


async def test_the_time_it_takes_to_store_counts() -> None:
    place = Place()
    place.turns.pause_s = 0.3
    started = asyncio.get_running_loop().time()
    with pytest.raises(errors.ReplyNotReady):
        await place.send(submission("hello"), 0.31)
    assert asyncio.get_running_loop().time() - started < 0.5


async def test_no_deadline_waits_as_long_as_it_takes() -> None:
    place = Place()
    sending = asyncio.ensure_future(place.send(submission("hello"), None))
    await asyncio.sleep(0.05)
    assert not sending.done()
    await place.close("msg_1")
    await sending
