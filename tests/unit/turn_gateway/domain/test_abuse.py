from typing import Any

import pytest

from focal_turn_gateway import errors
from focal_turn_gateway.domain.abuse import Cause, Finding, Level, Terms, decided

TERMS = Terms(low_h=1, medium_h=2, high_h=3)


def by_ops(level: Level | None = None, hours: int = 0, *, permanent: bool = False) -> Finding:
    return decided("cus_1", level, hours, permanent=permanent, reason="why", by="ops", terms=TERMS)


@pytest.mark.parametrize(
    ("asked", "level", "hours"),
    [
        ({}, Level.HIGH, 3),
        ({"level": Level.MEDIUM}, Level.MEDIUM, 2),
        ({"level": Level.CRITICAL}, Level.CRITICAL, None),
        ({"hours": 48}, Level.HIGH, 48),
        ({"level": Level.MEDIUM, "permanent": True}, Level.MEDIUM, None),
    ],
)
def test_what_a_person_decides_holds_as_long_as_said_or_as_its_level(
    asked: dict[str, Any], level: Level, hours: float | None
) -> None:
    found = by_ops(**asked)
    assert (found.level, found.hours, found.cause, found.noted_by) == (level, hours, Cause.OPERATOR, "ops")


@pytest.mark.parametrize(
    "asked",
    [
        {"level": Level.LOW},
        {"hours": -1},
        {"hours": 8785},
        {"hours": 1, "permanent": True},
        {"hours": 1, "level": Level.CRITICAL},
    ],
)
def test_what_makes_no_sense_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidField):
        by_ops(**asked)


def test_only_high_and_critical_refuse_messages() -> None:
    assert [level for level in Level if level.blocks] == [Level.HIGH, Level.CRITICAL]
