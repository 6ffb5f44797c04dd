import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from focal_service_kit import tasks
from focal_turn_gateway import errors
from focal_turn_gateway.core.deliver import Deliver
from focal_turn_gateway.ports.delivery import ClaimedRow
from tests.fakes.turn_gateway import NOW, OutboxRows
from tests.fakes.until import until


class Place:
    """A destination: fails for the keys in `broken` and in `refused`, is slow while `stuck`."""

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.refused: set[str] = set()
        self.stuck = False
        self.taken: list[str] = []
        self.calls = 0

    async def deliver(self, rows: Sequence[ClaimedRow]) -> None:
        self.calls += 1
        if self.stuck:
            await asyncio.Event().wait()
        keys = {row.dedupe_key for row in rows}
        if keys & self.refused:
            raise errors.Undeliverable("INVALID_FIELD")
        if keys & self.broken:
            raise ConnectionError
        self.taken += [row.dedupe_key for row in rows]


def row(number: int, session: str = "") -> ClaimedRow:
    return ClaimedRow(number, "acme", session or f"ses_{number}", f"key_{number}", {}, 0, NOW)


def deliver(outbox: OutboxRows, place: Place, **changes: Any) -> Deliver:
    chosen = {"batch": 10, "poll_s": 0.01, "timeout_s": 1, "retry_min_s": 0.5, "retry_max_s": 4, **changes}
    return Deliver(outbox, "memory", place, **chosen)


async def run_until(delivery: Deliver, condition: Any, what: str) -> None:
    running = asyncio.ensure_future(delivery.run())
    try:
        await until(condition, what)
    finally:
        await tasks.cancel([running])


async def test_rows_of_a_session_are_delivered_in_order() -> None:
    outbox, place = OutboxRows(row(1, "ses"), row(2, "ses"), row(3, "ses")), Place()
    await run_until(deliver(outbox, place), lambda: not outbox.waiting, "all are delivered")
    assert place.taken == ["key_1", "key_2", "key_3"]
    assert outbox.done == [1, 2, 3]


async def test_a_wake_is_quicker_than_the_poll() -> None:
    outbox, place = OutboxRows(), Place()
    delivery = deliver(outbox, place, poll_s=60)
    running = asyncio.ensure_future(delivery.run())
    await asyncio.sleep(0.01)
    outbox.waiting.append(row(1))
    delivery.wake()
    await until(lambda: outbox.done == [1], "the row is delivered")
    await tasks.cancel([running])


async def test_a_failed_batch_is_postponed_with_a_doubling_pause() -> None:
    outbox, place = OutboxRows(row(1)), Place()
    place.broken = {"key_1"}
    await run_until(deliver(outbox, place), lambda: len(outbox.postponed) >= 6, "it is tried again")
    assert [pause for _, pause in outbox.postponed[:6]] == [0.5, 1, 2, 4, 4, 4]


async def test_a_row_that_spoils_its_batch_is_found_out() -> None:
    outbox, place = OutboxRows(row(1), row(2), row(3)), Place()
    place.broken = {"key_2"}
    await run_until(deliver(outbox, place), lambda: sorted(outbox.done) == [1, 3], "the others pass")
    assert [waiting.outbox_id for waiting in outbox.waiting] == [2]


async def test_what_is_refused_is_given_up_so_that_its_session_goes_on() -> None:
    outbox, place = OutboxRows(row(1, "a"), row(2, "a"), row(3, "b")), Place()
    place.refused = {"key_1"}
    await run_until(deliver(outbox, place), lambda: sorted(outbox.done) == [2, 3], "the others pass")
    assert (outbox.given_up, outbox.postponed) == ([1], [])


async def test_where_attempts_are_counted_only_what_had_them_all_is_given_up() -> None:
    outbox, place = OutboxRows(row(1, "a"), row(2, "a"), row(3, "b")), Place()
    place.broken = {"key_1"}
    delivery = deliver(outbox, place, max_attempts=5)
    await run_until(delivery, lambda: sorted(outbox.done) == [2, 3], "the others pass")
    assert (outbox.given_up, len(outbox.postponed) >= 4) == ([1], True)
    assert outbox.reasons == ["5 attempts failed, the last with ConnectionError"]


async def test_a_destination_that_hangs_is_postponed() -> None:
    outbox, place = OutboxRows(row(1)), Place()
    place.stuck = True
    await run_until(deliver(outbox, place, timeout_s=0.02), lambda: outbox.postponed, "it is postponed")


class Away(OutboxRows):
    """A store that is away once after delivery."""

    failures = 1

    async def delivered(self, outbox_ids: Sequence[int]) -> None:
        if self.failures:
            self.failures -= 1
            raise errors.StoreUnavailable
        await super().delivered(outbox_ids)


async def test_a_delivery_whose_note_was_lost_is_repeated() -> None:
    outbox, place = Away(row(1)), Place()
    await run_until(deliver(outbox, place), lambda: outbox.done == [1], "it is noted in the end")
    assert place.taken == ["key_1", "key_1"]  # the destination knows the key


@pytest.mark.parametrize("error", [ValueError, RuntimeError])
async def test_whatever_a_destination_raises_the_worker_lives(error: type[Exception]) -> None:
    class Odd(Place):
        async def deliver(self, rows: Sequence[ClaimedRow]) -> None:
            raise error

    outbox = OutboxRows(row(1))
    await run_until(deliver(outbox, Odd()), lambda: len(outbox.postponed) > 1, "it lives on")


async def test_what_a_stopping_gateway_was_delivering_is_free_for_others_at_once() -> None:
    outbox, place = OutboxRows(row(1)), Place()
    place.stuck = True
    await run_until(deliver(outbox, place), lambda: place.calls, "it is being delivered")
    assert outbox.postponed == [(1, 0)]
    assert outbox.done == []
