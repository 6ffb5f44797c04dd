import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from focal_service_kit import tasks
from focal_turn_gateway.core.accept_routed import AcceptRouted
from focal_turn_gateway.core.ingress import Ingress, Pace
from focal_turn_gateway.domain import channel_catalogue
from focal_turn_gateway.domain.messages import Accepted, Submission
from focal_turn_gateway.domain.routed import Entry, Route
from tests.fakes.routed_streams import Streams
from tests.fakes.turn_gateway import NOW
from tests.fakes.until import until

ROUTE = Route("acme", "web")


class Store:
    """Stores each request once; `stuck` customers wait for `go`."""

    def __init__(self) -> None:
        self.stored: dict[str, str] = {}
        self.stuck: set[str] = set()
        self.go = asyncio.Event()

    @property
    def texts(self) -> list[str]:
        return list(self.stored.values())

    def has(self, count: int) -> Callable[[], bool]:
        return lambda: len(self.stored) == count

    async def __call__(self, submission: Submission) -> Accepted:
        if submission.address.channel_user_id in self.stuck:
            await self.go.wait()
        self.stored.setdefault(submission.request_id, submission.content.text)
        return Accepted("msg_1", "ses_1", 1, NOW, False, 1)


def entry(number: int, user: str = "ada") -> Entry:
    address = {"tenant_id": "acme", "agent_id": "desk", "channel": "web", "user_channel_id": user}
    envelope = {**address, "message": {"text": str(number)}}
    return Entry(f"{number}-1", {b"schema_version": b"1", b"envelope": json.dumps(envelope).encode()})


@asynccontextmanager
async def reading(store: Store, streams: Streams, **changes: Any) -> AsyncIterator[Ingress]:
    accept = AcceptRouted(
        store,
        streams,
        channel_catalogue.registry(),
        asyncio.Semaphore(4),
        max_chars=100,
        max_bytes=1000,
        retry_min_s=0.001,
        retry_max_s=0.01,
        max_faults=3,
    )
    pace = {"discover_s": 0.01, "acquire_s": 0.01, "renew_s": 0.02, "listen_s": 0.01, "batch": 4, "window": 8}
    ingress = Ingress(streams, accept, Pace(**{**pace, **changes}))
    running = asyncio.ensure_future(ingress.run())
    try:
        yield ingress
    finally:
        await tasks.cancel([running])


async def test_what_was_taken_and_not_settled_comes_before_what_is_new() -> None:
    store, streams = Store(), Streams()
    streams.write(ROUTE, *(entry(number) for number in range(1, 11)))
    streams.taken[ROUTE] = 6
    streams.settled += ["1-1", "3-1"]
    async with reading(store, streams):
        await until(lambda: len(store.stored) == 8, "all is stored")
    assert store.texts == ["2", "4", "5", "6", "7", "8", "9", "10"]


async def test_new_entries_are_seen_soon_and_new_streams_too() -> None:
    store, streams = Store(), Streams()
    async with reading(store, streams, renew_s=60):
        for number in range(1, 4):
            streams.write(ROUTE, entry(number))
            await until(store.has(number), "it is stored")
        streams.write(Route("acme", "webchat"), entry(9))
        await until(lambda: len(store.stored) == 4, "the new stream is read")


async def test_one_customer_who_must_wait_holds_up_no_other_until_the_window_is_full() -> None:
    store, streams = Store(), Streams()
    store.stuck = {"slow"}
    streams.write(ROUTE, *(entry(number, "slow") for number in range(1, 5)))
    streams.write(ROUTE, *(entry(number) for number in range(5, 40)))
    async with reading(store, streams, window=8):
        await until(lambda: len(store.stored) == 35, "the others are through")
        streams.write(ROUTE, *(entry(number, "slow") for number in range(40, 60)))
        await until(lambda: streams.taken[ROUTE] == 43, "the window is full")
        await asyncio.sleep(0.05)
        assert streams.taken[ROUTE] == 43
        store.go.set()
        await until(lambda: len(store.stored) == 59, "all is stored")
    assert store.texts[35:] == [str(number) for number in (*range(1, 5), *range(40, 60))]


async def test_a_reader_that_was_replaced_reads_nothing_more() -> None:
    store, streams = Store(), Streams()
    streams.write(ROUTE, entry(1))
    async with reading(store, streams):
        await until(lambda: len(store.stored) == 1, "it reads")
        streams.evict(ROUTE, "another")
        streams.write(ROUTE, entry(2))
        await asyncio.sleep(0.1)
        assert store.texts == ["1"]
        streams.evict(ROUTE)
        await until(lambda: store.texts == ["1", "2"], "it is the reader again")


async def test_streams_that_are_away_are_waited_for() -> None:
    store, streams = Store(), Streams()
    streams.write(ROUTE, entry(1))
    async with reading(store, streams):
        await until(lambda: len(store.stored) == 1, "it reads")
        streams.away = True
        streams.write(ROUTE, entry(2))
        await asyncio.sleep(0.05)
        streams.away = False
        # Its lease was not given back; it lapses.
        streams.evict(ROUTE)
        await until(lambda: store.texts == ["1", "2"], "it reads on")


async def test_who_retires_lets_go() -> None:
    store, streams = Store(), Streams()
    streams.write(ROUTE, entry(1))
    async with reading(store, streams) as ingress:
        await until(lambda: len(store.stored) == 1, "it reads")
        await ingress.retire()
        assert streams.readers[ROUTE] == ""
