import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator

import prometheus_client
import pytest
import redis.asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from focal_kernel import ids
from focal_service_kit import redis_client
from focal_service_kit.settings import RedisSettings
from focal_turn_gateway.adapters import rate_windows
from focal_turn_gateway.adapters.rate_windows import ValkeyRateWindows
from focal_turn_gateway.domain.rates import Allowance, Rates, Verdict
from tests.fakes.gateway_wire import Wire, wire

RATES = Rates(tenant=10, customer=4, restricted=1)


class Place:
    """Windows on a wire to a real server, and the server itself."""

    def __init__(self, carrying: Wire, through: redis.asyncio.Redis, direct: redis.asyncio.Redis) -> None:
        self.wire, self.through, self.direct = carrying, through, direct
        self.registry = prometheus_client.CollectorRegistry()
        self.windows = self.sliding(60)

    def sliding(self, window_s: float) -> ValkeyRateWindows:
        return ValkeyRateWindows(
            self.through,
            prometheus_client.CollectorRegistry() if hasattr(self, "windows") else self.registry,
            window_s=window_s,
            slices=20,
            timeout_s=0.2,
            pause_s=0.3,
        )

    async def write(self, customer: str = "u1", rates: Rates = RATES) -> Allowance:
        found = await self.windows.admit("acme", customer, rates)
        assert found is not None
        return found

    @property
    def uncounted(self) -> float | None:
        return self.registry.get_sample_value("focal_gateway_uncounted_messages_total")


@pytest.fixture
async def place(redis_url: str) -> AsyncIterator[Place]:
    async with (
        wire(redis_url) as carrying,
        redis_client.connect(RedisSettings(url=carrying.url)) as through,
        redis.asyncio.Redis.from_url(redis_url) as direct,
    ):
        yield Place(carrying, through, direct)


@pytest.fixture
def sync_valkey(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


async def test_a_customer_has_a_limit_of_its_own_and_others_are_not_held_to_it(place: Place) -> None:
    assert [(await place.write()).verdict for _ in range(5)] == [Verdict.ADMITTED] * 4 + [Verdict.CUSTOMER]
    assert (await place.write("u2")).verdict is Verdict.ADMITTED
    assert (await place.windows.admit("other", "u1", RATES)) is not None


async def test_a_tenant_has_a_limit_over_all_its_customers(place: Place) -> None:
    found = [await place.write(f"u{number}") for number in range(12)]
    assert [each.verdict for each in found] == [Verdict.ADMITTED] * 10 + [Verdict.TENANT] * 2
    assert [each.remaining for each in found[:10]] == list(range(9, -1, -1))
    assert {each.limit for each in found} == {10}
    assert all(57 < each.reset_s <= 63 for each in found)


async def test_what_is_refused_is_not_counted(place: Place) -> None:
    for _ in range(30):
        await place.write()
    assert sum(map(int, await place.direct.hvals("rate:acme"))) == 4


async def test_no_limit_is_no_limit(place: Place) -> None:
    found = [await place.write(rates=Rates(0, 0, 0)) for _ in range(50)]
    assert {each.verdict for each in found} == {Verdict.ADMITTED}


async def test_a_refused_customer_gets_in_again_when_it_was_told_to(place: Place) -> None:
    place.windows = place.sliding(0.4)
    for _ in range(3):
        while (found := await place.write()).verdict is Verdict.ADMITTED:
            pass
        assert 0 < found.retry_after_s <= 0.42  # a window and a slice
        await asyncio.sleep(found.retry_after_s + 0.01)
        assert (await place.write()).verdict is Verdict.ADMITTED


LIMIT, WINDOW_MS, SLICE_MS = 8, 1000, 50
_CLOCK = "redis.call('TIME')"


@pytest.fixture
def clocked(sync_valkey: redis.Redis) -> Callable[[str, int], tuple[bool, int]]:
    """The script on a clock of the test's: whether a customer's message gets in at some ms, else the wait."""
    assert rate_windows.SCRIPT.count(_CLOCK) == 1
    script = sync_valkey.register_script(
        rate_windows.SCRIPT.replace(_CLOCK, "{math.floor(ARGV[9] / 1000), ARGV[9] % 1000 * 1000}")
    )

    def write(customer: str, at_ms: int) -> tuple[bool, int]:
        keys = [f"rate:t:{customer}", f"rate:{customer}", f"b:{customer}", f"r:{customer}"]
        limits = [SLICE_MS, WINDOW_MS // SLICE_MS, 0, LIMIT, LIMIT, 0, 0, 0]
        verdict, *_, wait_ms = script(keys, [*limits, at_ms])
        return verdict == b"ADMITTED", wait_ms

    return write


bursts = st.lists(
    st.tuples(st.one_of(st.integers(0, 60), st.integers(0, 1100)), st.integers(1, 12)),
    min_size=1,
    max_size=20,
)


@given(gaps=bursts, start=st.integers(10_000, 11_000))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_stretch_of_a_window_holds_more_than_the_limit_however_messages_come(
    clocked: Callable[[str, int], tuple[bool, int]], gaps: list[tuple[int, int]], start: int
) -> None:
    customer, now, admitted = ids.new_id("cus"), start, list[int]()
    for gap, burst in gaps:
        now += gap
        for _ in range(burst):
            gets_in, wait_ms = clocked(customer, now)
            counted = sum(now - each <= WINDOW_MS + SLICE_MS for each in admitted)
            if gets_in:
                admitted.append(now)
            else:
                # Nobody is refused for what is older than a window and a slice, or told to wait for longer.
                assert counted >= LIMIT
                assert 0 < wait_ms <= WINDOW_MS + SLICE_MS
    for first in admitted:
        assert sum(first <= each < first + WINDOW_MS for each in admitted) <= LIMIT
    if not gets_in:
        assert clocked(customer, now + wait_ms - 1) == (False, 1)
        assert clocked(customer, now + wait_ms)[0]


async def test_a_restricted_customer_has_less_and_a_blocked_one_nothing(place: Place) -> None:
    await place.direct.set("abuse:restricted:acme:u1", "1")
    assert [(await place.write()).verdict for _ in range(2)] == [Verdict.ADMITTED, Verdict.CUSTOMER]
    await place.direct.set("abuse:blocked:acme:u2", "1")
    assert (await place.write("u2")).verdict is Verdict.BLOCKED
    assert await place.direct.exists("rate:acme:u2") == 0


async def test_windows_are_forgotten_by_themselves(place: Place) -> None:
    await place.write()
    for key in await place.direct.keys("rate:*"):
        assert 0 < await place.direct.pttl(key) <= 63_000


async def test_while_valkey_is_away_messages_pass_uncounted_and_it_is_asked_seldom(place: Place) -> None:
    await place.write()
    await place.wire.cut()
    began = time.monotonic()
    for _ in range(200):
        assert await place.windows.admit("acme", "u1", RATES) is None
    assert time.monotonic() - began < 1.0
    assert place.uncounted == 200
    await place.wire.mend()
    await asyncio.sleep(0.35)
    assert (await place.write()).verdict is Verdict.ADMITTED


async def test_a_valkey_that_hangs_costs_one_message_its_timeout(place: Place) -> None:
    await place.write()
    place.wire.hang()
    began = time.monotonic()
    for _ in range(100):
        assert await place.windows.admit("acme", "u1", RATES) is None
    assert time.monotonic() - began < 0.29  # one timeout, and a pause that is not over
