from __future__ import annotations

import contextvars

from focal_service_kit import deadlines


def test_nothing_limits_work_outside_a_call() -> None:
    assert deadlines.remaining() is None
    assert deadlines.cap(None) is None
    assert deadlines.cap(3) == 3


def test_a_limit_caps_longer_timeouts_and_leaves_shorter_ones() -> None:
    with deadlines.within(2):
        assert deadlines.cap(1) == 1
        capped = deadlines.cap(60)
        unlimited = deadlines.cap(None)
    assert capped is not None
    assert unlimited is not None
    assert 1.9 < capped <= 2
    assert 1.9 < unlimited <= 2
    assert deadlines.remaining() is None


def test_an_inner_limit_cannot_stretch_the_outer_one() -> None:
    with deadlines.within(1), deadlines.within(60):
        left = deadlines.remaining()
    assert left is not None
    assert left <= 1


def test_a_limit_that_has_passed_leaves_zero() -> None:
    with deadlines.within(0):
        assert deadlines.remaining() == 0


def test_a_detached_context_knows_no_limit() -> None:
    with deadlines.within(1):
        assert deadlines.detached().run(deadlines.remaining) is None
        assert contextvars.copy_context().run(deadlines.remaining) is not None
