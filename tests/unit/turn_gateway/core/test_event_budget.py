import pytest

from focal_turn_gateway.core.event_budget import EventBudget, Limits
from focal_turn_gateway.domain.event_names import Refusal
from tests.fakes.turn_gateway import Counts


class Clock:
    def __init__(self) -> None:
        self.now = 600.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counts() -> Counts:
    return Counts()


def gateway(counts: Counts, clock: Clock) -> EventBudget:
    return EventBudget(counts, Limits(per_minute=10, custom_per_minute=3), exchange_s=1, clock=clock)


def taken(budget: EventBudget, tries: int, tenant_id: str = "acme", *, custom: bool = False) -> int:
    return sum(budget.take(tenant_id, custom=custom) is None for _ in range(tries))


def test_a_tenant_may_report_so_many_events_a_minute(counts: Counts, clock: Clock) -> None:
    budget = gateway(counts, clock)
    assert taken(budget, 50) == 10
    assert budget.take("acme", custom=False) is Refusal.RATE_LIMIT
    assert taken(budget, 50, "umbrella") == 10
    clock.now += 60
    assert taken(budget, 50) == 10


def test_custom_events_have_a_limit_of_their_own_and_count_for_both(counts: Counts, clock: Clock) -> None:
    budget = gateway(counts, clock)
    assert taken(budget, 50, custom=True) == 3
    assert budget.take("acme", custom=True) is Refusal.CUSTOM_RATE_LIMIT
    assert taken(budget, 50) == 7


async def test_gateways_share_the_limit_after_an_exchange(counts: Counts, clock: Clock) -> None:
    one, other = gateway(counts, clock), gateway(counts, clock)
    assert (taken(one, 8), taken(other, 1)) == (8, 1)
    await one.exchange()
    await other.exchange()
    assert taken(other, 50) == 1
    await other.exchange()
    assert counts.counted == {(10, "acme"): (10, 0)}


async def test_without_the_shared_counts_each_gateway_counts_alone(counts: Counts, clock: Clock) -> None:
    budget = gateway(counts, clock)
    counts.away = True
    assert taken(budget, 6) == 6
    await budget.exchange()
    assert taken(budget, 50) == 4


async def test_an_answer_about_the_last_minute_says_nothing_about_this_one(
    counts: Counts, clock: Clock
) -> None:
    budget = gateway(counts, clock)
    taken(budget, 10)
    exchange = budget.exchange()
    exchange.send(None)
    clock.now += 60
    assert taken(budget, 5) == 5
    with pytest.raises(StopIteration):
        exchange.send(None)
    assert taken(budget, 50) == 5
