import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focal_turn_gateway.domain.crowding import Crowding, Limit, Shares, Usual

CROWDING = Crowding(late_ms=2, shrink=0.5, least=0.25, first=4, most=256)


def test_the_limit_doubles_until_turns_come_late_and_grows_by_one_from_then_on() -> None:
    limit = CROWDING.begin()
    limit = CROWDING.after(limit, 0.1, used=True)
    assert limit.turns == 8
    limit = CROWDING.after(limit, 5, used=True)
    assert limit.turns == 4
    limit = CROWDING.after(limit, 0.1, used=True)
    assert limit.turns == 5


def test_a_limit_that_is_not_used_up_stays_as_it_is() -> None:
    assert CROWDING.after(CROWDING.begin(), 0.1, used=False) == CROWDING.begin()


def test_a_little_lateness_changes_nothing() -> None:
    assert CROWDING.after(CROWDING.begin(), 1.5, used=True) == CROWDING.begin()


def test_below_one_the_limit_comes_back_by_shares() -> None:
    limit = Limit(1, 1)
    limit = CROWDING.after(limit, 5, used=True)
    assert limit.turns == 0.5
    limit = CROWDING.after(limit, 0.1, used=True)
    assert limit.turns == 1


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=60))
def test_the_limit_stays_between_its_ends(looks: list[tuple[float, bool]]) -> None:
    limit = CROWDING.begin()
    for late_ms, used in looks:
        limit = CROWDING.after(limit, late_ms, used)
        assert CROWDING.least <= limit.turns <= CROWDING.most


def test_what_is_always_a_little_late_is_not_crowded() -> None:
    usual = Usual(20)
    for _ in range(20):
        usual.beyond(7.0)
    assert usual.beyond(7.5) == 0.5
    assert usual.beyond(3.0) == 0


def test_heavy_is_who_wants_more_than_the_mean_for_what_it_may() -> None:
    shares = Shares(memory_s=3, together_s=60)
    for second in range(10):
        shares.want("small", second, allowance=5)
        shares.want("large", second, allowance=100)
        shares.want("large", second, allowance=100)
    assert shares.heavy("small")
    assert not shares.heavy("large")


def test_who_is_alone_is_not_heavy() -> None:
    shares = Shares(memory_s=3, together_s=60)
    for _ in range(100):
        shares.want("acme", 1.0, allowance=5)
    assert not shares.heavy("acme")


def test_a_flood_is_forgiven_when_it_has_faded() -> None:
    shares = Shares(memory_s=3, together_s=60)
    shares.want("quiet", 0.0, allowance=5)
    for _ in range(100):
        shares.want("flood", 0.0, allowance=5)
    assert shares.heavy("flood")
    for second in range(1, 40):
        shares.want("quiet", float(second), allowance=5)
        shares.want("quiet", float(second), allowance=5)
        shares.want("flood", float(second), allowance=5)
    assert not shares.heavy("flood")


def test_a_rate_is_what_is_wanted_a_second() -> None:
    shares = Shares(memory_s=3, together_s=60)
    for number in range(300):
        shares.want("a", number / 10, allowance=5)
    assert shares.rate("a", 30.0, allowance=5) == pytest.approx(10, rel=0.1)
    assert shares.rate("a", 33.0, allowance=5) == pytest.approx(10 / math.e, rel=0.1)
    assert shares.rate("nobody", 30.0, allowance=5) == 0


def test_what_others_want_leaves_the_heavy_ones_out() -> None:
    shares = Shares(memory_s=3, together_s=60)
    for number in range(300):
        shares.want("quiet", number / 10, allowance=5)
        for _ in range(9):
            shares.want("flood", number / 10, allowance=5)
    assert shares.even(30.0) * 5 == pytest.approx(10, rel=0.1)
    assert Shares(memory_s=3, together_s=60).even(30.0) == 0


def test_a_tenant_that_wanted_nothing_for_a_while_is_forgotten() -> None:
    shares = Shares(memory_s=3, together_s=60)
    shares.want("a", 0.0, allowance=5)
    shares.want("b", 50.0, allowance=5)
    assert shares.tenants(59.0) == 2
    assert shares.tenants(61.0) == 1


@pytest.mark.parametrize("years", [1, 20])
def test_shares_hold_however_long_a_process_runs(years: float) -> None:
    shares = Shares(memory_s=3, together_s=60)
    shares.want("a", 0.0, allowance=5)
    late = years * 365 * 86_400.0
    for _ in range(3):
        shares.want("b", late, allowance=5)
    shares.want("a", late, allowance=5)
    assert shares.heavy("b")
    assert not shares.heavy("a")
