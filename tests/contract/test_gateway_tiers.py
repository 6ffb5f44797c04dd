"""How many turns a tenant may run at once, and where a gateway learns it from."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc.aio
import pytest

from focal.config.v1 import tenant_service_pb2 as tenant_pb
from focal_service_kit import errors as wire
from tests.fakes.gateway_calls import send, stub, submit
from tests.fakes.gateway_peers import Peers, Run, gateways
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")

TIERS = {"free": {"running_turns": 2}, "pro": {"running_turns": 4}}


class Crowd:
    """Turns that run until told to end; `running` are their texts."""

    def __init__(self, **fields: Any) -> None:
        self.go = asyncio.Event()
        self.running: list[str] = []
        self.peers = Peers(self.script, **fields)

    async def script(self, run: Run) -> None:
        self.running.append(run.texts[0])
        if run.texts[0] != "at once":
            await self.go.wait()
        await run.answer()

    async def until_running(self, *texts: str) -> None:
        await until(lambda: sorted(self.running) == sorted(texts), f"{texts} run")
        await asyncio.sleep(0.1)
        assert sorted(self.running) == sorted(texts)


async def test_a_tenant_runs_as_many_turns_as_its_token_says_and_others_run_beside_it(
    database: str, redis_url: str
) -> None:
    crowd = Crowd()
    async with gateways(crowd.peers, database, redis_url, tiers=TIERS) as [gateway]:
        flood = stub(gateway, gateway.deployment.tenant_token("acme", tier="free"))
        for number in range(6):
            await flood.SubmitMessage(submit("flood", user=f"u{number}"), timeout=10)
        quiet = stub(gateway, gateway.deployment.tenant_token("umbrella", tier="pro"))
        await quiet.SubmitMessage(submit("quiet"), timeout=10)
        await crowd.until_running("flood", "flood", "quiet")
        assert crowd.peers.asked_tiers == []
        crowd.go.set()
        await until(lambda: crowd.running.count("flood") == 6, "the rest has its turn")


async def test_a_token_without_a_tier_leaves_it_to_the_registry(database: str, redis_url: str) -> None:
    crowd = Crowd(tier=tenant_pb.TENANT_TIER_PRO)
    async with gateways(crowd.peers, database, redis_url, tiers=TIERS) as [gateway]:
        flood = stub(gateway, gateway.deployment.tenant_token("acme", tier=""))
        for number in range(6):
            await flood.SubmitMessage(submit("flood", user=f"u{number}"), timeout=10)
        await crowd.until_running(*["flood"] * 4)
        assert crowd.peers.asked_tiers == ["acme"]
        crowd.go.set()
        await until(lambda: len(crowd.running) == 6, "the rest has its turn")


async def test_an_open_window_takes_no_place_from_other_customers(database: str, redis_url: str) -> None:
    crowd = Crowd()
    crowd.go.set()
    chosen: dict[str, Any] = {
        "tiers": {"free": {"running_turns": 1}},
        "accumulation": {"mode": "fixed", "fixed_ms": 2000},
    }
    async with gateways(crowd.peers, database, redis_url, **chosen) as [gateway]:
        token = gateway.deployment.tenant_token("acme", tier="free")
        began = asyncio.get_running_loop().time()
        for number in range(4):
            await stub(gateway, token).SubmitMessage(submit("hello", user=f"u{number}"), timeout=10)
        await until(lambda: len(crowd.running) == 4, "all are answered", timeout_s=10)
        assert asyncio.get_running_loop().time() - began < 2 * 2, "windows passed one after the other"


async def test_a_flood_is_turned_away_while_turns_come_late_and_others_are_answered(
    database: str, redis_url: str
) -> None:
    crowd = Crowd()
    chosen: dict[str, Any] = {
        "sharing": {"first": 2, "least": 1, "waiting": 3, "every_s": 0.05, "late_ms": 100},
        "rates": {"enabled": False},
    }
    async with gateways(crowd.peers, database, redis_url, **chosen) as [gateway]:
        quiet = stub(gateway, gateway.deployment.tenant_token("umbrella", tier="free"))
        await quiet.SendMessage(send("at once"), timeout=10)
        crowd.peers.notice_s = 0.3
        flood = stub(gateway, gateway.deployment.tenant_token("acme", tier="free"))
        accepted, refused = 0, ""
        while not refused:
            assert accepted < 1000, "nothing is turned away"
            try:
                await flood.SubmitMessage(submit("flood", user=f"u{accepted}"), timeout=10)
                accepted += 1
            except grpc.aio.AioRpcError as error:
                refusal = wire.from_rpc(error)
                refused = f"{refusal.reason} {refusal.metadata['scope']}"
        assert refused == "RATE_LIMIT_EXCEEDED backlog"
        await quiet.SendMessage(send("at once", user="somebody else"), timeout=10)
        assert crowd.running.count("flood") < accepted, "the flood waits"
        crowd.go.set()
