import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import redis.asyncio
from redis.exceptions import RedisError

from focal_service_kit import redis_client, settings
from focal_turn_gateway.adapters.destinations.outbound_stream import OutboundStream
from focal_turn_gateway.ports.delivery import ClaimedRow
from tests.fakes.gateway_wire import Wire, wire
from tests.fakes.turn_gateway import NOW

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SAID = {
    "channel": "web",
    "user_channel_id": "+4930",
    "text": "good day \u2600",
    "content_type": "MARKDOWN",
    "segment": 0,
}
ROW = ClaimedRow(1, "acme", "ses_1", "trn_1:0", {**SAID, "traceparent": TRACEPARENT}, 1, NOW)
STREAM = "events.outbound.acme.web"


class Place:
    def __init__(self, carrying: Wire, client: redis.asyncio.Redis, direct: redis.asyncio.Redis) -> None:
        self.wire, self.direct = carrying, direct
        self.destination = OutboundStream(client, maxlen=100, dedupe_s=60)

    async def entries(self, stream: str = STREAM) -> list[dict[str, str]]:
        entries: Any = await self.direct.xrange(stream)
        return [{name.decode(): value.decode() for name, value in fields.items()} for _, fields in entries]

    async def envelopes(self, stream: str = STREAM) -> list[dict[str, object]]:
        return [json.loads(entry["envelope"]) for entry in await self.entries(stream)]


@pytest.fixture
async def place(redis_url: str) -> AsyncIterator[Place]:
    async with (
        wire(redis_url) as carrying,
        redis_client.connect(settings.RedisSettings(url=carrying.url)) as client,
        redis.asyncio.Redis.from_url(redis_url) as direct,
    ):
        yield Place(carrying, client, direct)


async def test_a_segment_enters_the_stream_of_its_tenant_and_channel(place: Place) -> None:
    await place.destination.deliver([ROW])
    [envelope] = await place.envelopes()
    assert envelope == {
        **SAID,
        "tenant_id": "acme",
        "schema_version": "1.1",
        "message": {"id": "trn_1:0", "content_type": "markdown", "text": "good day \u2600"},
        "timestamp": NOW.isoformat(),
    }


async def test_an_entry_has_headers_beside_its_envelope(place: Place) -> None:
    await place.destination.deliver([ROW])
    [entry] = await place.entries()
    del entry["envelope"]
    assert entry == {
        "schema_version": "1.1",
        "tenant_id": "acme",
        "recipient": "+4930",
        "traceparent": TRACEPARENT,
    }


async def test_what_an_older_release_owes_has_the_headers_that_are_known(place: Place) -> None:
    await place.destination.deliver([replace(ROW, payload={"channel": "web", "text": "hi"})])
    [entry] = await place.entries()
    assert set(entry) == {"schema_version", "tenant_id", "envelope"}


async def test_a_segment_enters_its_stream_once_however_often_it_is_delivered(place: Place) -> None:
    for _ in range(3):
        await place.destination.deliver([ROW, replace(ROW, dedupe_key="trn_1:1")])
    assert len(await place.envelopes()) == 2


async def test_the_same_key_of_two_tenants_is_two_segments(place: Place) -> None:
    await place.destination.deliver([ROW, replace(ROW, tenant_id="umbrella")])
    assert len(await place.envelopes()) == 1
    assert len(await place.envelopes("events.outbound.umbrella.web")) == 1


async def test_segments_keep_their_order(place: Place) -> None:
    rows = [replace(ROW, dedupe_key=f"trn_1:{n}", payload={**ROW.payload, "segment": n}) for n in range(50)]
    await place.destination.deliver(rows)
    assert [envelope["segment"] for envelope in await place.envelopes()] == list(range(50))


async def test_a_dedupe_key_does_not_live_for_ever(place: Place) -> None:
    await place.destination.deliver([ROW])
    assert 0 < await place.direct.ttl("outbound:once:acme:trn_1:0") <= 60


async def test_a_stream_is_kept_in_bounds(place: Place) -> None:
    rows = [replace(ROW, dedupe_key=str(number)) for number in range(1000)]
    await place.destination.deliver(rows)
    assert await place.direct.xlen(STREAM) < 400  # about 100: whole nodes are cut off


async def test_a_server_that_restarted_without_its_scripts_gets_them_again(place: Place) -> None:
    await place.destination.deliver([ROW])
    await place.direct.script_flush()
    await place.destination.deliver([replace(ROW, dedupe_key="trn_2:0")])
    assert len(await place.envelopes()) == 2


async def test_a_server_that_is_away_is_an_error_and_then_takes_the_segment(place: Place) -> None:
    await place.wire.cut()
    with pytest.raises(RedisError):
        await place.destination.deliver([ROW])
    await place.wire.mend()
    await place.destination.deliver([ROW])
    assert len(await place.envelopes()) == 1
