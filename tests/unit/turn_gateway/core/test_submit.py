import pytest

from focal_kernel import errors as kernel_errors
from focal_turn_gateway import errors
from focal_turn_gateway.core.accumulate import Accumulate
from focal_turn_gateway.core.link_identity import LinkIdentity
from focal_turn_gateway.core.submit import Submit
from focal_turn_gateway.domain.accumulation import Off
from focal_turn_gateway.domain.events import MessageReceived, StoredEvent
from focal_turn_gateway.domain.messages import Address, Content, Submission
from tests.fakes.channel_overrides import channel_policies
from tests.fakes.gateway_turns import InMemoryTurns
from tests.fakes.turn_gateway import Directory, Feed, Refused, Wakes, admit, submission


class Place:
    """A submit with everything it touches."""

    def __init__(self) -> None:
        self.turns, self.engine, self.feed = InMemoryTurns(), Wakes(), Feed()
        self.refused = Refused()
        accumulate = Accumulate(channel_policies(), Off(), self.turns)
        self.submit = Submit(
            Directory(),
            self.turns,
            self.engine,
            self.feed,
            accumulate,
            self.refused,
            admit(),
            LinkIdentity(channel_policies()),
        )


async def test_a_message_is_stored_then_shown_then_its_session_woken() -> None:
    place = Place()
    accepted = await place.submit(submission("hello"))
    assert [message.text for message in place.turns.sessions_by_id[accepted.session_id].open] == ["hello"]
    [event] = place.feed.published
    assert isinstance(event, StoredEvent)
    assert isinstance(event.body, MessageReceived)
    assert (event.offset, event.body.message.text) == (accepted.event_offset, "hello")
    assert place.engine.woken == [accepted.session_id]


async def test_a_repeat_is_not_shown_again_but_wakes_again() -> None:
    place = Place()
    first = await place.submit(submission("hello", "r1"))
    again = await place.submit(submission("hello", "r1"))
    assert (again.message_id, again.duplicate) == (first.message_id, True)
    assert len(place.feed.published) == 1
    assert place.engine.woken == [first.session_id] * 2


async def test_nothing_is_stored_for_an_unknown_agent() -> None:
    place = Place()
    unknown = Submission("acme", Address("nobody", "web", "1"), Content("hi"), "")
    with pytest.raises(kernel_errors.NotFound):
        await place.submit(unknown)
    assert place.turns.sessions_by_id == {}
    assert place.engine.woken == []


async def test_nothing_is_acknowledged_or_woken_that_is_not_stored() -> None:
    place = Place()
    place.turns.away = True
    with pytest.raises(errors.StoreUnavailable):
        await place.submit(submission())
    assert (place.engine.woken, place.feed.published) == ([], [])


async def test_a_refusal_is_counted_and_neither_shown_nor_woken() -> None:
    place = Place()
    await place.submit(submission("hello", "r1"))
    place.turns.full = True
    with pytest.raises(errors.QueueFull):
        await place.submit(submission("again", "r2"))
    assert place.refused.counted == [("acme", "QUEUE_FULL")]
    assert (len(place.feed.published), len(place.engine.woken)) == (1, 1)


async def test_a_repeat_is_answered_although_the_queue_is_full() -> None:
    place = Place()
    first = await place.submit(submission("hello", "r1"))
    place.turns.full = True
    assert (await place.submit(submission("hello", "r1"))).message_id == first.message_id
    assert place.refused.counted == []
