"""Runs the router: lines of JSON in, replies out. `python examples/router --help` says what it needs."""

import argparse
import asyncio
import itertools
import os
import sys
from pathlib import Path

import grpc.aio
import redis.asyncio

if not __package__:  # started as a folder: its parent is not on the path yet
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from router import inbound, outbound
from router.inbound import Place
from router.outbound import Part
from router.receipts import Receipts


def main() -> None:
    """Reads the options and routes until standard input ends and `--replies` came, or for ever."""
    parser = argparse.ArgumentParser(prog="router", description="a message router of one channel")
    parser.add_argument(
        "--redis", required=True, help="URL of the mesh's Valkey, e.g. redis://127.0.0.1:6379"
    )
    parser.add_argument("--gateway", required=True, help="host:port of turn_gateway, for receipts")
    parser.add_argument("--tenant", default="demo")
    parser.add_argument("--agent", default="returns_desk")
    parser.add_argument("--channel", default="whatsapp")
    parser.add_argument("--consumer", default="router-1", help="keep it over restarts: it owns what it took")
    parser.add_argument("--replies", type=int, default=0, help="end after so many; 0 runs for ever")
    options = parser.parse_args()
    token = os.environ.get("FOCAL_TOKEN", "")
    if not token:
        parser.error("FOCAL_TOKEN must hold a token with the role adapter")
    place = Place(options.tenant, options.agent, options.channel)
    asyncio.run(route(place, options.redis, options.gateway, token, options.consumer, options.replies))


async def route(place: Place, redis_url: str, gateway: str, token: str, consumer: str, replies: int) -> None:
    """Both directions at once."""
    async with (
        redis.asyncio.Redis.from_url(redis_url) as client,
        grpc.aio.insecure_channel(gateway) as channel,
        asyncio.TaskGroup() as both,
    ):
        receipts = Receipts(channel, token)
        await outbound.join(client, place.stream("outbound"))
        both.create_task(_take(client, place), name="in")
        both.create_task(_give(client, place, receipts, consumer, replies), name="out")


async def _take(client: redis.asyncio.Redis, place: Place) -> None:
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        try:
            entry_id = await inbound.write(client, place, line)
            print(f"routed {entry_id}", file=sys.stderr, flush=True)
        except inbound.NotAMessage as why:
            print(f"left out: {why}", file=sys.stderr, flush=True)


async def _give(
    client: redis.asyncio.Redis, place: Place, receipts: Receipts, consumer: str, replies: int
) -> None:
    async def provider(part: Part) -> str:
        """Stands for the provider's send call: prints, and gives the message an id."""
        print(f"{part.recipient}: {part.text}", flush=True)
        return f"printed-{part.entry_id}"

    async def report(part: Part, provider_message_id: str) -> None:
        await receipts.sent(part.dedupe_key, place.channel, provider_message_id)

    stream = place.stream("outbound")
    numbers = itertools.count(1)
    async for part in outbound.parts(client, stream, consumer):
        await outbound.send(client, stream, part, provider, report)
        if next(numbers) == replies:
            return


if __name__ == "__main__":
    main()
