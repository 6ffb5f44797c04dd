import asyncio
import threading
from typing import Any

from focal_turn_gateway.core.reply_format import ReplyFormat
from focal_turn_gateway.domain.turns import TurnStatus, closed
from tests.fakes.channel_overrides import channel_policies
from tests.fakes.turn_gateway import attempt, message, result


class Slow:
    """Formats until the event loop has had its turn."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.loop_went_on = threading.Event()

    def __call__(self, *_: Any) -> list[Any]:
        self.begun.set()
        assert self.loop_went_on.wait(10), "the event loop waits for the formatting"
        return []


async def test_a_long_reply_is_formatted_beside_the_event_loop() -> None:
    slow = Slow()
    ran = attempt(message(1))
    turn = closed(ran, result("msg_1", reply="x" * 101), TurnStatus.COMPLETE)
    formatting = asyncio.create_task(ReplyFormat(channel_policies(), slow, 100)(ran, turn))  # type: ignore[arg-type]
    assert await asyncio.to_thread(slow.begun.wait, 10)
    slow.loop_went_on.set()
    assert (await formatting).parts == ()
