import pytest

from focal_turn_gateway.domain.event_log import EventChoice, Position
from focal_turn_gateway.domain.events import AgentReported, TurnSuperseded
from tests.fakes.event_logs import InMemoryEventLog


def test_a_position_is_read_as_it_was_written() -> None:
    position = Position(7_000_000_000, 12)
    assert Position.parsed(str(position)) == position
    assert Position(1, 9) < Position(2, 1) < Position(2, 2)


@pytest.mark.parametrize("text", ["", "1", "1.", ".1", "1.x", "-1.1", "1.1.1", "²" + ".1", "9" * 19 + ".1"])
def test_other_texts_are_no_position(text: str) -> None:
    assert Position.parsed(text) is None


def test_a_choice_is_by_name_and_by_agent() -> None:
    log = InMemoryEventLog()
    tool = log.store(AgentReported("tool", "done", "{}", "INFO", "1.0"))
    turn = log.store(TurnSuperseded("trn_2", ""), agent_id="shop")
    assert [event in EventChoice() for event in (tool, turn)] == [True, True]
    assert [event in EventChoice(("tool.*",)) for event in (tool, turn)] == [True, False]
    assert [event in EventChoice(agent_id="shop") for event in (tool, turn)] == [False, True]
    assert [event in EventChoice(("tool.*",), "shop") for event in (tool, turn)] == [False, False]
