"""Webhooks on real tables: what is noted with an event, claimed in fair shares, and settled once."""

import asyncio

import asyncpg
import pytest

from focal_turn_gateway import errors
from focal_turn_gateway.adapters.postgres.retirement import PostgresRetirement
from focal_turn_gateway.adapters.postgres.webhook_deliveries import Pace, PostgresWebhookDeliveries
from focal_turn_gateway.adapters.postgres.webhook_store import PostgresWebhooks
from focal_turn_gateway.domain.triggers import Request
from focal_turn_gateway.domain.webhooks import (
    Answer,
    ClaimedDelivery,
    DeliveryState,
    Webhook,
    WebhookChange,
)
from tests.fakes.until import until
from tests.unit.turn_gateway.adapters.postgres.test_turn_store import Place

pytestmark = pytest.mark.migrated("focal_turn_gateway")

SECRET, OTHER = "s" * 32, "o" * 32
PACE = Pace(in_flight=3, per_minute=100, claim_s=30, most_exhausted=2)
ONCE = Request("", "")
FAILED = Answer(500)


def hook(*patterns: str, url: str = "https://example.com", enabled: bool = True) -> WebhookChange:
    return WebhookChange(url, patterns or ("*",), SECRET, enabled)


class Hooks:
    """Webhooks of `acme` and a session with events."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.place = Place(pool)
        self.store = PostgresWebhooks(pool, most=5, former_s=60)
        self.deliveries = PostgresWebhookDeliveries(pool, PACE, 65_536)

    async def create(self, *patterns: str, tenant_id: str = "acme", enabled: bool = True) -> Webhook:
        return await self.store.create(tenant_id, hook(*patterns, enabled=enabled), ONCE)

    async def waiting(self) -> list[tuple[str, str]]:
        rows = await self.pool.fetch("SELECT webhook_id, name FROM turns.webhook_deliveries ORDER BY 1, 2")
        return [(row["webhook_id"], row["name"]) for row in rows]

    async def claim(self, limit: int = 100) -> list[ClaimedDelivery]:
        return await self.deliveries.claim(limit)

    async def due(self) -> None:
        await self.pool.execute("UPDATE turns.webhook_deliveries SET next_attempt_at = now()")


@pytest.fixture
def hooks(pool: asyncpg.Pool) -> Hooks:
    return Hooks(pool)


async def test_matching_events_are_noted_with_the_event_for_enabled_webhooks_of_the_tenant(
    hooks: Hooks,
) -> None:
    one = await hooks.create("infra.turn.*")
    await hooks.create("tool.*")
    await hooks.create("*", enabled=False)
    await hooks.create("*", tenant_id="umbrella")
    await hooks.place.say()
    await hooks.place.commit(await hooks.place.open())
    names = ["infra.turn.completed", "infra.turn.started"]
    assert await hooks.waiting() == [(one.webhook_id, name) for name in names]


async def test_an_event_that_is_committed_while_a_claim_begins_is_posted_too(hooks: Hooks) -> None:
    """Break: join the events outside of `claim_webhook_deliveries`."""
    await hooks.create("infra.turn.started")
    await hooks.place.say()
    await hooks.place.open()
    [first] = await hooks.claim()
    async with hooks.pool.acquire() as writer, writer.transaction():
        await writer.execute(
            """SELECT turns.write_events(e.tenant_id, e.session_id, 98, jsonb_build_array(to_jsonb(e)), now())
            FROM turns.events e WHERE e.name = 'infra.turn.started'"""
        )
        await writer.execute("LOCK TABLE turns.webhook_deliveries IN ACCESS EXCLUSIVE MODE")
        claiming = asyncio.create_task(hooks.claim())
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        await until(lambda: writer.fetchval(waits), "the claim waits for the deliveries")
    [second] = await claiming
    assert first.post is not None
    assert second.post is not None


async def test_an_event_that_is_rolled_back_is_not_noted(hooks: Hooks) -> None:
    await hooks.create("*")
    await hooks.place.say()
    attempt = await hooks.place.open()
    before = await hooks.waiting()
    with pytest.raises(errors.AttemptLost):
        await hooks.place.commit(attempt, "msg_unknown")
    assert await hooks.waiting() == before


async def test_a_claimed_delivery_has_all_that_is_posted_and_nobody_else_gets_it(hooks: Hooks) -> None:
    await hooks.create("infra.message.received")
    await hooks.place.say("hello there")
    [taken] = await hooks.claim()
    assert taken.post is not None
    assert (taken.post.name, taken.post.secrets, taken.attempts) == ("infra.message.received", (SECRET,), 1)
    assert taken.post.event_id == f"{hooks.place.session_id}-1"
    assert b'"hello there"' in taken.post.body
    assert await hooks.claim() == []


async def test_an_event_over_the_limit_goes_without_its_details(hooks: Hooks, pool: asyncpg.Pool) -> None:
    await hooks.create("*")
    await hooks.place.say("x" * 2000)
    [taken] = await PostgresWebhookDeliveries(pool, PACE, 1000).claim(10)
    assert taken.post is not None
    assert b'"truncated":true' in taken.post.body
    assert b"xxx" not in taken.post.body


async def test_each_webhook_has_its_turn_and_few_in_flight(hooks: Hooks) -> None:
    flooded = await hooks.create("*")
    for _ in range(6):
        await hooks.place.say()
    other = await hooks.create("*")
    await hooks.place.say()
    first = [each.webhook_id for each in await hooks.claim()]
    assert (first.count(flooded.webhook_id), first.count(other.webhook_id)) == (3, 1)
    assert await hooks.claim() == []


async def test_no_more_than_so_many_are_posted_a_minute(pool: asyncpg.Pool) -> None:
    hooks = Hooks(pool)
    hooks.deliveries = PostgresWebhookDeliveries(pool, Pace(100, 4, 30, 2), 65_536)
    await hooks.create("*")
    for _ in range(6):
        await hooks.place.say()
    assert len(await hooks.claim()) == 4
    assert await hooks.claim() == []
    await pool.execute("UPDATE turns.webhooks SET minute = minute - interval '1 minute'")
    assert len(await hooks.claim()) == 2


async def test_two_gateways_never_claim_the_same(hooks: Hooks) -> None:
    for _ in range(3):
        await hooks.create("*")
    for _ in range(3):
        await hooks.place.say()
    batches = await asyncio.gather(*(hooks.claim() for _ in range(5)))
    taken = [each.delivery_id for batch in batches for each in batch]
    assert len(taken) == len(set(taken))


async def test_a_claim_that_lapsed_is_taken_over_and_its_late_answer_counts_for_nothing(
    hooks: Hooks,
) -> None:
    webhook = await hooks.create("*")
    await hooks.place.say()
    [frozen] = await hooks.claim()
    await hooks.pool.execute("UPDATE turns.webhook_deliveries SET claimed_until = now() - interval '1 s'")
    [again] = await hooks.claim()
    assert (again.delivery_id, again.attempts) == (frozen.delivery_id, 2)
    await hooks.deliveries.exhausted(frozen, FAILED)
    [delivery] = await hooks.store.deliveries(webhook.webhook_id, None, 0, 10)
    assert delivery.state is DeliveryState.PENDING
    await hooks.deliveries.delivered(again, Answer(200))
    [delivery] = await hooks.store.deliveries(webhook.webhook_id, None, 0, 10)
    assert (delivery.state, delivery.status_code, delivery.error) == (DeliveryState.DELIVERED, 200, "")


async def test_a_failed_attempt_waits_its_pause_and_says_what_was_wrong(hooks: Hooks) -> None:
    webhook = await hooks.create("*")
    await hooks.place.say()
    [taken] = await hooks.claim()
    await hooks.deliveries.postpone(taken, FAILED, 10)
    assert await hooks.claim() == []
    [waiting] = await hooks.store.deliveries(webhook.webhook_id, DeliveryState.PENDING, 0, 10)
    assert (waiting.attempts, waiting.status_code, waiting.error) == (1, 500, "the receiver answered 500")
    await hooks.due()
    assert [each.attempts for each in await hooks.claim()] == [2]


async def test_a_webhook_is_disabled_when_deliveries_are_given_up_in_a_row_and_an_event_says_so(
    hooks: Hooks,
) -> None:
    webhook = await hooks.create("infra.message.received")
    watching = await hooks.create("infra.webhook.*")
    for _ in range(3):
        await hooks.place.say()
    one, two, three = await hooks.claim()
    assert not await hooks.deliveries.exhausted(one, FAILED)
    await hooks.deliveries.delivered(two, Answer(200))
    assert (await hooks.store.get("acme", webhook.webhook_id)).exhausted == 0
    await hooks.place.say()
    [four] = await hooks.claim()
    assert not await hooks.deliveries.exhausted(three, FAILED)
    assert await hooks.deliveries.exhausted(four, Answer(0, "no answer within 10 s"))
    disabled = await hooks.store.get("acme", webhook.webhook_id)
    assert not disabled.enabled
    assert "no answer within 10 s" in disabled.disabled_reason
    assert (watching.webhook_id, "infra.webhook.disabled") in await hooks.waiting()
    before = await hooks.waiting()
    await hooks.place.say()
    assert await hooks.waiting() == before
    enabled = await hooks.store.update(
        "acme", webhook.webhook_id, WebhookChange(enabled=True), Request("again", "h")
    )
    assert (enabled.enabled, enabled.exhausted, enabled.disabled_reason) == (True, 0, "")


async def test_a_new_secret_signs_beside_the_former_one_for_a_while(hooks: Hooks) -> None:
    webhook = await hooks.create("*")
    changed = await hooks.store.update("acme", webhook.webhook_id, WebhookChange(secret=OTHER), ONCE)
    assert changed.former_secret_until is not None
    assert await hooks.store.secrets("acme", webhook.webhook_id) == (OTHER, SECRET)
    await hooks.place.say()
    [taken] = await hooks.claim()
    assert taken.post is not None
    assert taken.post.secrets == (OTHER, SECRET)
    await hooks.pool.execute("UPDATE turns.webhooks SET former_secret_until = now()")
    assert await hooks.store.secrets("acme", webhook.webhook_id) == (OTHER,)


async def test_a_repeated_call_changes_nothing_and_another_with_its_id_is_refused(hooks: Hooks) -> None:
    first = await hooks.store.create("acme", hook(), Request("r1", "h1"))
    assert await hooks.store.create("acme", hook(), Request("r1", "h1")) == first
    with pytest.raises(errors.RequestIdReused):
        await hooks.store.create("acme", hook(), Request("r1", "h2"))
    assert len(await hooks.store.page("acme", "", 10)) == 1
    await hooks.store.delete("acme", first.webhook_id, Request("d1", "h1"))
    await hooks.store.delete("acme", first.webhook_id, Request("d1", "h1"))
    with pytest.raises(errors.WebhookNotFound):
        await hooks.store.delete("acme", first.webhook_id, Request("d2", "h1"))


async def test_a_tenant_has_so_many_webhooks_and_sees_only_its_own(hooks: Hooks) -> None:
    created = [await hooks.create() for _ in range(5)]
    with pytest.raises(errors.TooManyWebhooks):
        await hooks.create()
    foreign = await hooks.create(tenant_id="umbrella")
    for call in (
        hooks.store.get("acme", foreign.webhook_id),
        hooks.store.secrets("acme", foreign.webhook_id),
        hooks.store.update("acme", foreign.webhook_id, WebhookChange(enabled=False), ONCE),
        hooks.store.delete("acme", foreign.webhook_id, ONCE),
    ):
        with pytest.raises(errors.WebhookNotFound):
            await call
    page = await hooks.store.page("acme", "", 3)
    rest = await hooks.store.page("acme", page[-1].webhook_id, 10)
    assert [each.webhook_id for each in page + rest] == sorted(
        (each.webhook_id for each in created), reverse=True
    )


async def test_old_deliveries_go_unless_they_still_wait(hooks: Hooks) -> None:
    await hooks.create("*")
    for _ in range(2):
        await hooks.place.say()
    taken = await hooks.claim()
    await hooks.deliveries.delivered(taken[0], Answer(200))
    await hooks.pool.execute("UPDATE turns.webhook_deliveries SET created_at = now() - interval '8 days'")
    old = PostgresRetirement(hooks.pool)
    assert await old.remove_webhook_deliveries(7 * 86_400, 10) == 1
    await hooks.pool.execute("UPDATE turns.webhooks SET enabled = false")
    assert await old.remove_webhook_deliveries(7 * 86_400, 10) == 1


async def test_a_challenge_counts_only_for_the_url_it_was_posted_to(hooks: Hooks) -> None:
    webhook = await hooks.create()
    await hooks.store.verified("acme", webhook.webhook_id, "https://elsewhere.example")
    assert (await hooks.store.get("acme", webhook.webhook_id)).verified_at is None
    await hooks.store.verified("acme", webhook.webhook_id, webhook.url)
    assert (await hooks.store.get("acme", webhook.webhook_id)).verified_at is not None
    moved = WebhookChange(url="https://moved.example")
    assert (await hooks.store.update("acme", webhook.webhook_id, moved, ONCE)).verified_at is None
