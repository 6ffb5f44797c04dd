from focal_turn_gateway.core.keep_open import KeepOpen
from tests.fakes.gateway_turns import InMemoryTurns


async def test_typing_extends_the_window_by_its_pause() -> None:
    turns = InMemoryTurns()
    await KeepOpen(turns, 3000)("acme", "ses_1")
    assert turns.extended == [("acme", "ses_1", 3000)]


async def test_typing_is_ignored_when_it_is_switched_off() -> None:
    turns = InMemoryTurns()
    await KeepOpen(turns, 0)("acme", "ses_1")
    assert turns.extended == []


async def test_a_store_that_is_away_costs_the_sign_and_not_the_stream() -> None:
    turns = InMemoryTurns()
    turns.away = True
    await KeepOpen(turns, 3000)("acme", "ses_1")
