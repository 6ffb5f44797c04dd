"""What a customer sees while a reply is written."""

from __future__ import annotations

from typing import Any

from focal_pipeline.core.live_text import LiveText


class Screen:
    """Shows text, and is the clock it is shown by."""

    def __init__(self, *, wanted: bool = True) -> None:
        self.shown: list[str] = []
        self.seconds = 0.0
        output: Any = self
        self.live = LiveText(output, wanted=wanted, pause_s=1.0, now=lambda: self.seconds)

    async def text(self, text: str) -> None:
        self.shown.append(text)


async def test_the_first_piece_is_shown_at_once_and_the_rest_in_pauses() -> None:
    screen = Screen()
    screen.live.begin()
    await screen.live.add("Good ")
    await screen.live.add("day, ")
    await screen.live.add("Ada")
    assert screen.shown == ["Good "]
    screen.seconds = 1.0
    await screen.live.add("!")
    await screen.live.add(" Bye.")
    await screen.live.end()
    assert screen.shown == ["Good ", "day, Ada!", " Bye."]


async def test_only_the_first_writer_that_showed_text_is_seen() -> None:
    screen = Screen()
    screen.live.begin()
    await screen.live.add("Your order")
    await screen.live.add(" is")
    screen.live.begin()
    await screen.live.add("Order 10001 is delivered.")
    await screen.live.end()
    assert screen.shown == ["Your order"]


async def test_a_writer_that_showed_nothing_leaves_the_screen_to_the_next() -> None:
    screen = Screen()
    screen.live.begin()
    screen.live.begin()
    await screen.live.add("Hello")
    assert screen.shown == ["Hello"]


async def test_nothing_is_shown_to_nobody() -> None:
    screen = Screen(wanted=False)
    screen.live.begin()
    await screen.live.add("Hello")
    await screen.live.end()
    assert screen.shown == []
