import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from focal_service_kit import tasks
from focal_turn_gateway import errors
from focal_turn_gateway.core.deliver_keyless import DeliverKeyless
from focal_turn_gateway.domain.deliveries import Attempted, DeliveryState, Verdict
from focal_turn_gateway.domain.webhooks import Retries
from focal_turn_gateway.ports.delivery import ClaimedRow
from tests.fakes.turn_gateway import NOW, KeylessRows
from tests.fakes.until import until

UNKNOWN = Attempted(Verdict.UNKNOWN, "cut")
NOT_NOW = Attempted(Verdict.NOT_NOW, "away")


class Place:
    """Says what is planned for a key, and else that it took the row; hangs on the keys in `stuck`."""

    def __init__(self) -> None:
        self.planned: dict[str, list[Attempted]] = {}
        self.stuck: dict[str, asyncio.Event] = {}
        self.sent: list[str] = []

    async def send(self, row: ClaimedRow, begin: Callable[[], Awaitable[None]]) -> Attempted:
        await begin()
        self.sent.append(row.dedupe_key)
        if row.dedupe_key in self.stuck:
            await self.stuck[row.dedupe_key].wait()
        planned = self.planned.get(row.dedupe_key)
        return planned.pop(0) if planned else Attempted(Verdict.TAKEN)


def row(number: int, session: str = "") -> ClaimedRow:
    return ClaimedRow(number, "acme", session or f"ses_{number}", f"key_{number}", {}, 0, NOW)


def deliver(
    outbox: KeylessRows, place: Place, told: list[str] | None = None, **changes: Any
) -> DeliverKeyless:
    chosen = {"retries": Retries(2, 0, 0), "parallel": 2, "poll_s": 0.01, **changes}
    hint = [] if told is None else told
    return DeliverKeyless(outbox, "web", place, hint=hint.append, **chosen)


async def run_until(delivery: DeliverKeyless, condition: Any, what: str) -> None:
    running = asyncio.ensure_future(delivery.run())
    try:
        await until(condition, what)
    finally:
        await tasks.cancel([running])


async def test_a_part_that_may_have_arrived_is_in_doubt_and_its_session_goes_on() -> None:
    outbox, place, told = KeylessRows(row(1, "a"), row(2, "a")), Place(), list[str]()
    place.planned = {"key_1": [UNKNOWN]}
    await run_until(deliver(outbox, place, told), lambda: len(outbox.settled) == 2, "both are settled")
    assert outbox.settled == {1: (DeliveryState.IN_DOUBT, "cut"), 2: (DeliveryState.DELIVERED, "")}
    assert (place.sent, told) == (["key_1", "key_2"], ["a"])


async def test_what_did_not_arrive_is_sent_again_until_its_attempts_are_used_up() -> None:
    outbox, place = KeylessRows(row(1), row(2)), Place()
    place.planned = {"key_1": [NOT_NOW, NOT_NOW], "key_2": [NOT_NOW] * 9}
    await run_until(deliver(outbox, place), lambda: len(outbox.settled) == 2, "both are settled")
    assert outbox.settled[1] == (DeliveryState.DELIVERED, "")
    assert outbox.settled[2] == (DeliveryState.FAILED, "3 attempts failed, the last because away")


async def test_who_tells_repeats_is_asked_again_and_leaves_a_doubt_in_the_end() -> None:
    outbox, place = KeylessRows(row(1), row(2)), Place()
    place.planned = {"key_1": [UNKNOWN], "key_2": [UNKNOWN] * 9}
    delivery = deliver(outbox, place, resends=True)
    await run_until(delivery, lambda: len(outbox.settled) == 2, "both are settled")
    assert outbox.settled[1] == (DeliveryState.DELIVERED, "")
    assert outbox.settled[2][0] is DeliveryState.IN_DOUBT
    assert outbox.begun == []


async def test_a_receiver_that_hangs_holds_up_no_other_session() -> None:
    outbox, place = KeylessRows(row(1), row(2), row(3)), Place()
    place.stuck = {"key_1": asyncio.Event()}
    await run_until(deliver(outbox, place), lambda: len(outbox.settled) == 2, "the others pass")
    assert sorted(outbox.settled) == [2, 3]


async def test_whoever_lost_the_claim_sends_nothing() -> None:
    class Lost(KeylessRows):
        async def begin(self, row: ClaimedRow) -> None:
            self.waiting = []
            raise errors.ClaimLost

    outbox, place = Lost(row(1)), Place()
    await run_until(deliver(outbox, place), lambda: not outbox.waiting, "the claim is lost")
    assert (place.sent, outbox.settled) == ([], {})


async def test_a_store_that_is_away_leaves_the_end_to_the_lapsing_claim() -> None:
    class Away(KeylessRows):
        async def settle(self, row: ClaimedRow, state: DeliveryState, reason: str) -> bool:
            raise errors.StoreUnavailable

    outbox, place = Away(row(1)), Place()
    delivery = deliver(outbox, place)
    await run_until(delivery, lambda: place.sent, "it is sent")
    assert place.sent == ["key_1"]


async def test_retiring_waits_for_what_is_being_sent_and_begins_nothing_more() -> None:
    outbox, place = KeylessRows(row(1, "a"), row(2, "a")), Place()
    place.stuck = {"key_1": asyncio.Event()}
    delivery = deliver(outbox, place)
    running = asyncio.ensure_future(delivery.run())
    await until(lambda: place.sent, "it is being sent")
    retiring = asyncio.ensure_future(delivery.retire())
    await asyncio.sleep(0.05)
    assert not retiring.done()
    place.stuck["key_1"].set()
    await retiring
    await running
    assert outbox.settled == {1: (DeliveryState.DELIVERED, "")}
