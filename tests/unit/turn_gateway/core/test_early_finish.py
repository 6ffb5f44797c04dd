import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from focal_turn_gateway import errors
from focal_turn_gateway.core.drain import Drain
from focal_turn_gateway.core.early_finish import Asked, EarlyFinish
from focal_turn_gateway.domain.turns import Turn
from focal_turn_gateway.ports.accumulation import Judgement, OpenWindow
from focal_turn_gateway.ports.turns import Wait
from tests.unit.turn_gateway.core.test_drain import Place as DrainPlace

LONG_MS = 4000


@dataclass
class Judge:
    """`InputJudge` that answers `found` after `takes_s`."""

    found: Judgement | None = None
    takes_s: float = 0.0
    asked: list[tuple[str, ...]] = field(default_factory=list)

    async def judge(self, window: OpenWindow, texts: Sequence[str]) -> Judgement | None:
        self.asked.append(tuple(texts))
        await asyncio.sleep(self.takes_s)
        return self.found


class Place(DrainPlace):
    """A drain that asks a judge 20 ms into windows of more than a second."""

    def __init__(self, judge: Judge) -> None:
        super().__init__()
        self.early = EarlyFinish(
            self.turns, judge, over_ms=1000, after_share=0.5, after_ms=20, confidence=0.8
        )
        self.drain: Drain = replace(self.drain, early_finish=self.early)

    async def drained_within(self, seconds: float) -> list[Turn]:
        async with asyncio.timeout(seconds):
            await self.drain(self.hold)
        return self.turns.sessions_by_id["ses_1"].turns


def wait(pause_ms: float, left_s: float, *, typing: bool = False) -> Wait:
    return Wait(left_s, OpenWindow("acme", "desk", 7, 3, pause_ms, typing))


def early(after_ms: float = 0) -> EarlyFinish:
    place = Place(Judge())
    return replace(place.early, after_ms=after_ms)


def test_the_question_is_due_half_way_through_or_after_a_fixed_time() -> None:
    assert early().in_s(wait(2000, 2.0), Asked()) == 1.0
    assert early().in_s(wait(2000, 1.5), Asked()) == 0.5
    assert early().in_s(wait(2000, 0.5), Asked()) == 0
    assert early(after_ms=500).in_s(wait(2000, 2.0), Asked()) == 0.5


@pytest.mark.parametrize(
    ("waiting", "asked"),
    [(wait(1000, 1.0), 0), (wait(2000, 2.0, typing=True), 0), (wait(2000, 2.0), 3)],
)
def test_short_windows_typing_customers_and_judged_messages_are_not_asked_about(
    waiting: Wait, asked: int
) -> None:
    assert early().in_s(waiting, Asked(asked)) is None


async def test_an_input_that_is_surely_complete_ends_the_wait() -> None:
    judge = Judge(Judgement(complete=True, confidence=0.9))
    place = Place(judge)
    await place.say("where is", pause_ms=LONG_MS)
    await place.say("my order?", pause_ms=LONG_MS)
    [turn] = await place.drained_within(2)
    assert turn.message_ids == ("msg_1", "msg_2")
    assert judge.asked == [("where is", "my order?")]


@pytest.mark.parametrize("found", [None, Judgement(False, 1.0), Judgement(True, 0.8)])
async def test_any_other_answer_leaves_the_window_and_is_asked_for_once(found: Judgement | None) -> None:
    judge = Judge(found)
    place = Place(judge)
    await place.say("well", pause_ms=1100)
    with pytest.raises(TimeoutError):
        await place.drained_within(0.6)
    assert len(judge.asked) == 1
    assert len(await place.drained_within(3)) == 1


async def test_a_slow_judge_is_not_waited_for_when_the_window_passes() -> None:
    place = Place(Judge(Judgement(True, 1.0), takes_s=30))
    await place.say("well", pause_ms=1100)
    assert len(await place.drained_within(3)) == 1


async def test_a_message_meanwhile_makes_the_answer_void_and_is_judged_itself() -> None:
    judge = Judge(Judgement(True, 1.0), takes_s=0.2)
    place = Place(judge)
    await place.say("one", pause_ms=LONG_MS)
    draining = asyncio.ensure_future(place.drained_within(3))
    async with asyncio.timeout(10):
        while not judge.asked:
            await asyncio.sleep(0.005)
    await place.say("two", pause_ms=LONG_MS)
    [turn] = await draining
    assert turn.message_ids == ("msg_1", "msg_2")
    assert judge.asked == [("one",), ("one", "two")]


async def test_a_store_that_is_away_ends_the_drain_as_everywhere() -> None:
    place = Place(Judge(Judgement(True, 1.0), takes_s=0.1))
    await place.say("one", pause_ms=LONG_MS)
    draining = asyncio.ensure_future(place.drained_within(3))
    await asyncio.sleep(0.06)
    place.turns.away = True
    with pytest.raises(errors.StoreUnavailable):
        await draining
