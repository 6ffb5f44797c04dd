from focal_turn_gateway.core.keep_open import KeepOpen
from tests.fakes.gateway_turns import InMemoryTurns
from tests.fakes.turn_gateway import Wakes


async def test_typing_extends_the_window_by_its_pause() -> None:
    turns = InMemoryTurns()
    await KeepOpen(turns, Wakes(), 3000, 500)("acme", "ses_1")
    assert turns.extended == [("acme", "ses_1", 3000)]


async def test_who_stops_typing_lets_the_window_fall_back_and_its_drain_look_again() -> None:
    turns, engine = InMemoryTurns(), Wakes()
    keep_open = KeepOpen(turns, engine, 3000, 500)
    await keep_open("acme", "ses_1")
    await keep_open.stopped("acme", "ses_1")
    assert turns.extended == []
    assert engine.woken == ["ses_1"]


async def test_who_stops_without_an_extended_window_wakes_nobody() -> None:
    engine = Wakes()
    await KeepOpen(InMemoryTurns(), engine, 3000, 500).stopped("acme", "ses_1")
    assert engine.woken == []


async def test_typing_is_ignored_when_it_is_switched_off() -> None:
    turns = InMemoryTurns()
    keep_open = KeepOpen(turns, Wakes(), 0, 500)
    await keep_open("acme", "ses_1")
    await keep_open.stopped("acme", "ses_1")
    assert turns.extended == []


async def test_a_store_that_is_away_costs_the_sign_and_not_the_stream() -> None:
    turns = InMemoryTurns()
    turns.away = True
    keep_open = KeepOpen(turns, Wakes(), 3000, 500)
    await keep_open("acme", "ses_1")
    await keep_open.stopped("acme", "ses_1")
