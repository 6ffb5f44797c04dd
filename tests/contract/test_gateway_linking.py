"""One customer on several channels: by verified addresses only, within a tenant."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from focal.turn.v1 import session_service_pb2 as session_pb
from focal.turn.v1 import turn_gateway_service_pb2 as pb
from tests.fakes import in_process
from tests.fakes.gateway_calls import refused, sessions, stub
from tests.fakes.gateway_peers import Peers, gateways
from tests.fakes.router import router
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")

PHONE = "+34600111222"


def told(channel: str, user: str, *, verified: bool = False) -> pb.SubmitMessageRequest:
    address = pb.Address(agent_id="desk", channel=channel, channel_user_id=user, address_verified=verified)
    return pb.SubmitMessageRequest(address=address, content=pb.MessageContent(text="hi"))


async def customers(gateway: in_process.Running, token: str | None = None) -> dict[str, str]:
    """Channel to customer of all sessions of a tenant."""
    listed = await sessions(gateway, token).ListSessions(session_pb.ListSessionsRequest())
    return {session.channel: session.customer_id for session in listed.sessions}


async def test_a_number_is_one_customer_and_a_claim_is_not(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        token = gateway.deployment.tenant_token("acme", roles=("adapter",))
        theirs = gateway.deployment.tenant_token("umbrella")
        for channel in ("whatsapp", "sms", "web", "voice"):
            await stub(gateway).SubmitMessage(told(channel, PHONE))
        await stub(gateway, token).SubmitMessage(told("slack", PHONE, verified=True))
        await stub(gateway, theirs).SubmitMessage(told("sms", PHONE))
        found = await customers(gateway)
        known = found["whatsapp"]
        assert [name for name, customer in found.items() if customer == known] == ["slack", "sms", "whatsapp"]
        assert known not in (await customers(gateway, theirs)).values()


async def test_only_trusted_callers_vouch_for_an_address(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        plain = stub(gateway, gateway.deployment.tenant_token("acme"))
        code, _ = await refused(plain.SubmitMessage(told("web", PHONE, verified=True)))
        assert code is grpc.StatusCode.PERMISSION_DENIED
        call = plain.Converse(timeout=20)
        setup = pb.ConverseSetup(address=told("web", PHONE, verified=True).address)
        await call.write(pb.ConverseRequest(setup=setup))
        code, _ = await refused(call.read())
        assert code is grpc.StatusCode.PERMISSION_DENIED
        assert await customers(gateway) == {}


async def test_the_router_vouches_in_the_envelope(database: str, redis_url: str) -> None:
    quick = {"discover_s": 0.05, "acquire_s": 0.1}
    async with (
        router(redis_url) as writer,
        gateways(Peers(), database, redis_url, ingress=quick) as [gateway],
    ):
        await stub(gateway).SubmitMessage(told("sms", PHONE))
        await writer.write("hello", user=PHONE, address_verified=True)

        async def linked() -> bool:
            found = await customers(gateway)
            return found.get("web") == found["sms"]

        await until(linked, "both channels have one customer", 10)


@pytest.mark.parametrize("setting", [True, False])
async def test_linking_can_be_switched_off_for_all(database: str, redis_url: str, setting: bool) -> None:
    identity: Any = {"auto_link": setting}
    async with gateways(Peers(), database, redis_url, identity=identity) as [gateway]:
        for channel in ("whatsapp", "sms"):
            await stub(gateway).SubmitMessage(told(channel, PHONE))
        assert (len(set((await customers(gateway)).values())) == 1) is setting
