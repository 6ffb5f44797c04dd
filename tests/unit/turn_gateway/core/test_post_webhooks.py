import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from focal_service_kit import tasks
from focal_turn_gateway import errors
from focal_turn_gateway.core.post_webhooks import PostWebhooks
from focal_turn_gateway.domain.webhooks import Answer, ClaimedDelivery, Post, Retries
from tests.fakes.until import until

RETRIES = Retries(most=2, first_s=10, longest_s=3600)


def delivery(
    number: int, webhook_id: str = "whk_1", attempts: int = 1, *, gone: bool = False
) -> ClaimedDelivery:
    post = Post(f"https://{webhook_id}", ("s" * 32,), str(number), "ses_1-1", "tool.done", b"{}")
    return ClaimedDelivery(number, webhook_id, "acme", attempts, None if gone else post)


class Store:
    """`WebhookDeliveries` over a list; notes what came of each. While `away` nothing can be noted."""

    def __init__(self, *waiting: ClaimedDelivery) -> None:
        self.waiting = list(waiting)
        self.away = False
        self.settled: list[tuple[int, str, float]] = []

    async def claim(self, limit: int) -> list[ClaimedDelivery]:
        self._reach()
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return taken

    async def delivered(self, delivery: ClaimedDelivery, answer: Answer) -> None:
        self._note(delivery, "delivered", 0)

    async def postpone(self, delivery: ClaimedDelivery, answer: Answer, pause_s: float) -> None:
        self._note(delivery, "postponed", pause_s)

    async def exhausted(self, delivery: ClaimedDelivery, answer: Answer) -> bool:
        self._note(delivery, "exhausted", 0)
        return False

    def _note(self, delivery: ClaimedDelivery, what: str, pause_s: float) -> None:
        self._reach()
        self.settled.append((delivery.delivery_id, what, pause_s))

    def _reach(self) -> None:
        if self.away:
            raise errors.StoreUnavailable


class Receivers:
    """`WebhookSender`: hosts answer with their status; those in `silent` not at all."""

    def __init__(self, **statuses: int) -> None:
        self.statuses = statuses
        self.silent: set[str] = set()
        self.posted: list[str] = []

    async def post(self, post: Post) -> Answer:
        self.posted.append(post.delivery_id)
        host = post.url.removeprefix("https://")
        if host in self.silent:
            await asyncio.Event().wait()
        return Answer(self.statuses.get(host, 200))


@asynccontextmanager
async def running(store: Store, receivers: Receivers, parallel: int = 8) -> AsyncIterator[None]:
    posting = PostWebhooks(store, receivers, RETRIES, parallel, poll_s=0.01)
    task = asyncio.ensure_future(posting.run())
    try:
        yield
    finally:
        await tasks.cancel([task])


async def test_what_is_accepted_is_delivered_and_what_fails_is_tried_again_until_it_is_given_up() -> None:
    store = Store(
        delivery(1),
        delivery(2, "broken"),
        delivery(3, "broken", attempts=2),
        delivery(4, "broken", attempts=3),
        delivery(5, "refusing"),
        delivery(6, "busy"),
        delivery(7, gone=True),
    )
    async with running(store, Receivers(broken=500, refusing=404, busy=429)):
        await until(lambda: len(store.settled) == 7, "all are settled")
    assert sorted(store.settled) == [
        (1, "delivered", 0),
        (2, "postponed", 10),
        (3, "postponed", 20),
        (4, "exhausted", 0),
        (5, "exhausted", 0),
        (6, "postponed", 10),
        (7, "exhausted", 0),
    ]


async def test_a_receiver_that_says_nothing_holds_up_nobody_else() -> None:
    receivers = Receivers()
    receivers.silent.add("slow")
    store = Store(delivery(1, "slow"), delivery(2, "slow"), *(delivery(n) for n in range(3, 20)))
    async with running(store, receivers, parallel=4):
        await until(lambda: len(store.settled) == 17, "the others are delivered")
    assert {number for number, _, _ in store.settled} == set(range(3, 20))


async def test_no_more_is_posted_at_once_than_is_allowed() -> None:
    receivers = Receivers()
    receivers.silent.add("whk_1")
    store = Store(*(delivery(n) for n in range(10)))
    async with running(store, receivers, parallel=3):
        await until(lambda: len(receivers.posted) == 3, "three fly")
        await asyncio.sleep(0.05)
    assert len(receivers.posted) == 3


async def test_a_store_that_is_away_ends_nothing() -> None:
    store = Store(delivery(1))
    store.away = True
    async with running(store, Receivers()):
        await asyncio.sleep(0.03)
        store.away = False
        await until(lambda: store.settled, "it is delivered")
