"""The example's router between a provider's lines and a gateway, as its README runs it."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

from focal.turn.v1 import event_pb2, receipt_service_pb2, receipt_service_pb2_grpc
from router import inbound, outbound
from router.inbound import Place
from router.outbound import Part
from tests.fakes.gateway_peers import Peers, gateways
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")

PROGRAM = Path(__file__).parents[2] / "examples" / "router"
PLACE = Place("acme", "desk", "web")


def line(text: str, message_id: str, user: str = "+4930") -> str:
    return json.dumps({"from": user, "id": message_id, "text": text})


async def test_lines_become_messages_and_replies_are_sent_to_whom_they_are_for_and_reported(
    database: str, redis_url: str
) -> None:
    async with gateways(Peers(), database, redis_url, ingress={"discover_s": 0.05}) as [gateway]:
        running = await asyncio.create_subprocess_exec(
            *(sys.executable, str(PROGRAM), "--redis", redis_url, "--gateway", gateway.target),
            *("--tenant", "acme", "--agent", "desk", "--channel", "web", "--replies", "2"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"FOCAL_TOKEN": gateway.deployment.tenant_token(roles=["adapter"])},
        )
        lines = [line("hello", "1"), line("hello", "1"), "nonsense", line("good day", "1", "ada@example.com")]
        said, told = await asyncio.wait_for(running.communicate("\n".join(lines).encode()), 30)
        assert running.returncode == 0, told
        assert sorted(said.decode().splitlines()) == ["+4930: hello", "ada@example.com: good day"]
        assert "left out: no JSON" in told.decode()
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            assert (await client.xpending(PLACE.stream("outbound"), outbound.GROUP))["pending"] == 0
            entries: Any = await client.xrange(PLACE.stream("outbound"))
        turn_id = json.loads(entries[0][1][b"envelope"])["turn_id"]
        receipts = receipt_service_pb2_grpc.ReceiptServiceStub(gateway.channel())
        listed = await receipts.ListReceipts(receipt_service_pb2.ListReceiptsRequest(turn_id=turn_id))
        assert [receipt.state for receipt in listed.receipts] == [event_pb2.RECEIPT_STATE_SENT]


async def test_a_router_that_died_before_it_acknowledged_finds_the_part_again_and_first(
    database: str, redis_url: str
) -> None:
    async with (
        gateways(Peers(), database, redis_url, ingress={"discover_s": 0.05}),
        redis.asyncio.Redis.from_url(redis_url) as client,
    ):
        stream = PLACE.stream("outbound")
        await outbound.join(client, stream)
        for text in ("first", "second"):
            await inbound.write(client, PLACE, line(text, text))
        # Two turns or one, as the messages fall; what counts is that nothing is lost.
        lost = await anext(outbound.parts(client, stream, "router-1"))
        sent: list[Part] = []
        reported: list[str] = []

        async def provider(part: Part) -> str:
            sent.append(part)
            return f"id-{part.entry_id}"

        async def report(part: Part, provider_message_id: str) -> None:
            reported.append(provider_message_id)

        async def again() -> None:
            async for part in outbound.parts(client, stream, "router-1"):
                await outbound.send(client, stream, part, provider, report)

        restarted = asyncio.create_task(again())
        await until(lambda: "second" in "".join(part.text for part in sent), "both are sent")
        restarted.cancel()
        assert sent[0] == lost
        assert reported == [f"id-{part.entry_id}" for part in sent]


@pytest.mark.parametrize(
    ("said", "why"),
    [("", "no JSON"), ("[]", "no JSON object"), ('{"from": "a"}', "'text'"), ('{"text": "a"}', "'from'")],
)
def test_a_line_that_is_no_message_says_why(said: str, why: str) -> None:
    with pytest.raises(inbound.NotAMessage, match=why.replace("[", r"\[")):
        inbound.entry(PLACE, said)
