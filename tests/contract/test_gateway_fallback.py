"""The ladder: a reply that failed is sent on another channel once, where the customer agreed to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import grpc
import pytest
import redis.asyncio

from focal.turn.v1 import contact_service_pb2 as contact_pb
from focal.turn.v1 import contact_service_pb2_grpc, event_pb2, receipt_service_pb2_grpc
from focal.turn.v1 import receipt_service_pb2 as receipt_pb
from focal.turn.v1 import turn_gateway_service_pb2 as pb
from tests.fakes import in_process
from tests.fakes.gateway_calls import refused, send, session_of, stub
from tests.fakes.gateway_peers import Peers, gateways
from tests.fakes.router import Router
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")

FAILED, DELIVERED = event_pb2.RECEIPT_STATE_FAILED, event_pb2.RECEIPT_STATE_DELIVERED
PHONE, EMAIL = "+34600111222", "ada@example.com"
LONG = "**Word** " * 80


@dataclass
class Place:
    """A gateway, and what its adapters and the keepers of contacts see."""

    gateways: list[in_process.Running]
    valkey: redis.asyncio.Redis
    customer: str = ""

    def token(self, tenant: str = "acme") -> str:
        return str(self.gateways[0].deployment.tenant_token(tenant, roles=("adapter",)))

    def contacts(self, tenant: str = "acme") -> Any:
        return contact_service_pb2_grpc.ContactServiceStub(self.gateways[0].channel(self.token(tenant)))

    def receipts(self, number: int = 0) -> Any:
        return receipt_service_pb2_grpc.ReceiptServiceStub(self.gateways[number].channel(self.token()))

    async def replied(self, text: str = "hello", channel: str = "whatsapp") -> Any:
        request = send(text, user=PHONE)
        request.address.channel = channel
        turn = (await stub(self.gateways[0]).SendMessage(request, timeout=10)).turn
        self.customer = (await session_of(self.gateways[0], turn.session_id)).customer_id
        return turn

    async def agreed(self, channel: str, address: str, **changes: Any) -> Any:
        said = {"verified": True, "opted_in": True, "source": "shop", **changes}
        contact = contact_pb.Contact(customer_id=self.customer, channel=channel, address=address, **said)
        return (await self.contacts().PutContact(contact_pb.PutContactRequest(contact=contact))).contact

    async def failed(self, key: str, number: int = 0) -> Any:
        request = receipt_pb.ReportDeliveryRequest(dedupe_key=key, state=FAILED, reason="not on WhatsApp")
        return await self.receipts(number).ReportDelivery(request)

    async def sent(self, channel: str, count: int) -> list[dict[str, Any]]:
        """The envelopes of a channel, once there are so many."""
        router = Router(self.valkey, channel=channel)
        found: list[dict[str, Any]] = []

        async def enough() -> bool:
            found[:] = await router.replies()
            return len(found) >= count

        await until(enough, f"{count} parts on {channel}", 10)
        assert len(found) == count
        return found

    async def steps(self, session_id: str, count: int) -> list[tuple[str, str, str, int]]:
        """The first channels that were considered: from, to, why not, and how many parts."""
        found: list[tuple[str, str, str, int]] = []
        request = pb.WatchSessionRequest(session_id=session_id, events_only=True, patterns=["infra.reply.*"])
        call = stub(self.gateways[0]).WatchSession(request, timeout=10)
        async for frame in call:
            step = frame.event.reply_fallback
            refusal = event_pb2.FallbackRefusal.Name(step.refusal).removeprefix("FALLBACK_REFUSAL_")
            found.append((step.from_channel, step.to_channel, refusal, step.parts))
            if len(found) == count:
                call.cancel()
                return found
        raise AssertionError("the stream ended")


@asynccontextmanager
async def place(database: str, redis_url: str, count: int = 1, **settings: Any) -> AsyncIterator[Place]:
    async with (
        redis.asyncio.Redis.from_url(redis_url) as valkey,
        gateways(Peers(), database, redis_url, count=count, **settings) as running,
    ):
        yield Place(running, valkey)


async def end_now(url: str, turns: list[Any]) -> None:
    """Let the turns have ended just now."""
    connection = await asyncpg.connect(url)
    await connection.execute(
        "UPDATE turns.turns SET closed_at = clock_timestamp() WHERE turn_id = ANY($1)",
        [turn.turn_id for turn in turns],
    )
    await connection.close()


async def test_the_whole_segment_goes_down_the_ladder_in_the_form_of_each_channel(
    database: str, redis_url: str
) -> None:
    async with place(database, redis_url) as at:
        turn = await at.replied(LONG)
        await at.agreed("sms", PHONE)
        await at.agreed("email", EMAIL)
        assert (await at.failed(f"{turn.turn_id}:0:0")).advanced
        short = await at.sent("sms", 3)
        assert [part["dedupe_key"] for part in short] == [f"{turn.turn_id}:0:{n}:sms" for n in range(3)]
        assert {(part["user_channel_id"], part["markup"]) for part in short} == {(PHONE, "plain")}
        assert " ".join(part["text"] for part in short).split() == ["Word"] * 80
        assert short[0]["fallback_from"] == ["whatsapp"]
        await asyncio.gather(*(at.failed(part["dedupe_key"]) for part in short))
        [letter] = await at.sent("email", 1)
        assert (letter["user_channel_id"], letter["html"][:3]) == (EMAIL, "<p>")
        await at.failed(letter["dedupe_key"])
        assert await at.steps(turn.session_id, 2) == [
            ("whatsapp", "sms", "UNSPECIFIED", 3),
            ("sms", "email", "UNSPECIFIED", 1),
        ]
        listed = await at.receipts().ListReceipts(
            receipt_pb.ListReceiptsRequest(turn_id=turn.turn_id, page_size=2)
        )
        rest = await at.receipts().ListReceipts(
            receipt_pb.ListReceiptsRequest(turn_id=turn.turn_id, page_token=listed.next_page_token)
        )
        assert len([*listed.receipts, *rest.receipts]) == 5


async def test_reports_at_once_and_repeats_send_a_segment_once(database: str, redis_url: str) -> None:
    async with place(database, redis_url, count=2) as at:
        turn = await at.replied("word " * 1000)
        await at.agreed("sms", PHONE)
        keys = [f"{turn.turn_id}:0:{number}" for number in (0, 1)]
        await asyncio.gather(*(at.failed(key, number) for key in keys * 3 for number in (0, 1)))
        parts = await at.sent("sms", 34)
        assert len({part["dedupe_key"] for part in parts}) == 34
        await at.failed(keys[0])
        assert len(await at.sent("sms", 34)) == 34


async def test_nothing_is_sent_where_the_customer_did_not_agree(database: str, redis_url: str) -> None:
    async with place(database, redis_url) as at:
        turns = []
        for said in (None, {"opted_in": False}, {"verified": False}):
            turns.append(await at.replied())
            if said is not None:
                await at.agreed("sms", PHONE, **said)
            await at.failed(f"{turns[-1].turn_id}:0:0")
        assert await at.steps(turns[0].session_id, 6) == [
            ("whatsapp", "sms", "NO_CONTACT", 0),
            ("whatsapp", "email", "NO_CONTACT", 0),
            ("whatsapp", "sms", "NOT_OPTED_IN", 0),
            ("whatsapp", "email", "NO_CONTACT", 0),
            ("whatsapp", "sms", "NOT_VERIFIED", 0),
            ("whatsapp", "email", "NO_CONTACT", 0),
        ]
        await at.agreed("email", EMAIL)
        await at.failed(f"{(await at.replied()).turn_id}:0:0")
        assert (await at.sent("email", 1))[0]["fallback_from"] == ["whatsapp", "sms"]
        assert await at.sent("sms", 0) == []


async def test_a_tenants_messages_of_a_day_are_counted_by_parts_whoever_reports(
    database: str, redis_url: str
) -> None:
    limits: Any = {"per_day": {"sms": 4}}
    async with place(database, redis_url, count=2, fallback=limits) as at:
        turns = [await at.replied(LONG) for _ in range(2)]
        short = await at.replied()
        await at.agreed("sms", PHONE)
        # Earlier replies of the same customer are stale: here it is the limit that is looked at.
        await end_now(database, turns)
        await asyncio.gather(*(at.failed(f"{turn.turn_id}:0:0", n) for n, turn in enumerate(turns)))
        await at.failed(f"{short.turn_id}:0:0")
        assert len(await at.sent("sms", 4)) == 4
        steps = await at.steps(short.session_id, 4)
        assert sorted(steps) == [
            ("whatsapp", "email", "NO_CONTACT", 0),
            ("whatsapp", "sms", "RATE_LIMIT", 0),
            ("whatsapp", "sms", "UNSPECIFIED", 1),
            ("whatsapp", "sms", "UNSPECIFIED", 3),
        ]


async def test_a_limit_is_looked_at_by_one_at_a_time(database: str, redis_url: str) -> None:
    limits: Any = {"per_day": {"sms": 1}}
    async with place(database, redis_url, fallback=limits) as at:
        turn = await at.replied()
        await at.agreed("sms", PHONE)
        another = await asyncpg.connect(database)
        transaction = another.transaction()
        await transaction.start()
        await another.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('fallback:acme:sms', 0))",
        )
        failing = asyncio.create_task(at.failed(f"{turn.turn_id}:0:0"))
        waiting = (
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        await until(lambda: another.fetchval(waiting), "the report waits for its look at the limit", 10)
        await another.execute(
            "INSERT INTO turns.fallbacks (tenant_id, turn_id, segment, from_channel, to_channel, parts)"
            " VALUES ('acme', 'trn_other', 0, 'whatsapp', 'sms', 1)"
        )
        await transaction.commit()
        await another.close()
        await failing
        assert (await at.steps(turn.session_id, 1))[0][2] == "RATE_LIMIT"


async def test_a_customer_who_has_written_since_is_not_sent_what_is_old(
    database: str, redis_url: str
) -> None:
    async with place(database, redis_url) as at:
        turn = await at.replied()
        await at.agreed("sms", PHONE)
        await at.replied("are you there?", "sms")
        await at.failed(f"{turn.turn_id}:0:0")
        assert await at.steps(turn.session_id, 1) == [("whatsapp", "sms", "STALE", 0)]
        assert [part["text"] for part in await at.sent("sms", 1)] == ["are you there?"]


async def test_the_ladder_may_be_switched_off(database: str, redis_url: str) -> None:
    off: Any = {"enabled": False}
    async with place(database, redis_url, fallback=off) as at:
        turn = await at.replied()
        await at.agreed("sms", PHONE)
        await at.failed(f"{turn.turn_id}:0:0")
        await at.replied("next")
        await at.sent("whatsapp", 2)
        assert await at.sent("sms", 0) == []


async def test_the_depth_of_the_ladder_is_bounded(database: str, redis_url: str) -> None:
    one: Any = {"max_steps": 1}
    async with place(database, redis_url, fallback=one) as at:
        turn = await at.replied()
        await at.agreed("sms", PHONE)
        await at.failed(f"{turn.turn_id}:0:0")
        [part] = await at.sent("sms", 1)
        await at.failed(part["dedupe_key"])
        assert await at.steps(turn.session_id, 2) == [
            ("whatsapp", "sms", "UNSPECIFIED", 1),
            ("sms", "email", "TOO_MANY_STEPS", 0),
        ]


async def test_contacts_are_kept_by_customer_and_tenant_and_the_latest_word_stands(
    database: str, redis_url: str
) -> None:
    async with place(database, redis_url) as at:
        await at.replied()
        email = await at.agreed("email", "Ada@Example.com")
        assert (email.address, email.HasField("since")) == (EMAIL, True)
        await at.agreed("sms", PHONE)
        earlier = contact_pb.Contact(customer_id=at.customer, channel="sms", address=PHONE, source="late")
        earlier.since.FromJsonString("2020-01-01T00:00:00Z")
        stands = await at.contacts().PutContact(contact_pb.PutContactRequest(contact=earlier))
        assert (stands.contact.opted_in, stands.contact.source) == (True, "shop")
        query = contact_pb.ListContactsRequest(customer_id=at.customer, page_size=1)
        first = await at.contacts().ListContacts(query)
        query.page_token = first.next_page_token
        second = await at.contacts().ListContacts(query)
        assert [c.channel for c in (*first.contacts, *second.contacts)] == ["email", "sms"]
        assert second.next_page_token == ""
        theirs = await at.contacts("umbrella").ListContacts(
            contact_pb.ListContactsRequest(customer_id=at.customer)
        )
        assert not theirs.contacts
        _, error = await refused(
            at.contacts("umbrella").PutContact(contact_pb.PutContactRequest(contact=email))
        )
        assert error.reason == "CUSTOMER_NOT_FOUND"
        plain = contact_service_pb2_grpc.ContactServiceStub(
            at.gateways[0].channel(at.gateways[0].deployment.tenant_token("acme", roles=("agent",)))
        )
        status, _ = await refused(plain.ListContacts(contact_pb.ListContactsRequest(customer_id=at.customer)))
        assert status is grpc.StatusCode.PERMISSION_DENIED


async def test_a_repeated_change_of_a_contact_changes_nothing_more(database: str, redis_url: str) -> None:
    async with place(database, redis_url) as at:
        await at.replied()
        put = contact_pb.PutContactRequest(request_id="r1")
        put.contact.MergeFrom(
            contact_pb.Contact(
                customer_id=at.customer, channel="sms", address=PHONE, source="a", opted_in=True
            )
        )
        await at.contacts().PutContact(put)
        await at.agreed("sms", PHONE, opted_in=False)
        assert not (await at.contacts().PutContact(put)).contact.opted_in
        put.contact.source = "b"
        _, error = await refused(at.contacts().PutContact(put))
        assert error.reason == "REQUEST_ID_REUSED"
        gone = contact_pb.DeleteContactRequest(customer_id=at.customer, channel="sms", request_id="r2")
        assert [(await at.contacts().DeleteContact(gone)).deleted for _ in range(2)] == [True, True]
        put.contact.source = "a"
        assert not (await at.contacts().PutContact(put)).contact.opted_in
        gone.request_id = ""
        assert not (await at.contacts().DeleteContact(gone)).deleted
