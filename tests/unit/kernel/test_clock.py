from __future__ import annotations

from datetime import UTC, timedelta

import pytest

from focal_kernel import clock


def test_the_systems_clock_is_aware_and_in_utc() -> None:
    assert clock.SystemClock().now().tzinfo is UTC


def test_a_manual_clock_stands_still_until_it_is_moved() -> None:
    manual = clock.ManualClock()
    start = manual.now()
    assert manual.now() == start
    manual.advance(1.5)
    assert manual.now() - start == timedelta(seconds=1.5)
    assert manual.monotonic() == 1.5


def test_a_clock_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="backwards"):
        clock.ManualClock().advance(-1)
