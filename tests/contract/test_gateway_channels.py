"""Channel policies: resolved in layers, changed by tenants, known to every gateway."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest
import redis.asyncio

from focal.turn.v1 import channel_pb2, channel_service_pb2_grpc, event_pb2
from focal.turn.v1 import channel_service_pb2 as pb
from tests.fakes import in_process
from tests.fakes.gateway_calls import refused, send, stub
from tests.fakes.gateway_peers import Peers, gateways
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")


def channels(gateway: in_process.Running, tenant: str = "acme", *roles: str) -> Any:
    token = gateway.deployment.tenant_token(tenant, roles=roles or ("admin",))
    return channel_service_pb2_grpc.ChannelServiceStub(gateway.channel(token))


def put(channel: str, agent: str = "", request_id: str = "", **fields: Any) -> pb.PutChannelPolicyRequest:
    policy = channel_pb2.ChannelPolicy(**fields)
    override = channel_pb2.ChannelPolicyOverride(agent_id=agent, channel=channel, policy=policy)
    return pb.PutChannelPolicyRequest(override=override, request_id=request_id)


async def outbound(redis_url: str, channel: str) -> list[dict[str, Any]]:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        entries: Any = await client.xrange(f"events.outbound.acme.{channel}")
    return [json.loads(fields[b"envelope"]) for _, fields in entries]


async def policy_of(stub: Any, channel: str, agent: str = "desk") -> channel_pb2.ChannelPolicy:
    listed = await stub.ListChannels(pb.ListChannelsRequest(agent_id=agent))
    found: channel_pb2.ChannelPolicy = next(each.policy for each in listed.channels if each.name == channel)
    return found


async def test_layers_of_a_tenant_resolve_and_no_other_tenant_sees_them(
    database: str, redis_url: str
) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        acme, umbrella = channels(gateway), channels(gateway, "umbrella")
        queue = event_pb2.SUPERSEDE_ACTION_QUEUE
        await acme.PutChannelPolicy(put("", split=False, supersede_default=queue))
        await acme.PutChannelPolicy(put("webchat", window_ms=700))
        await acme.PutChannelPolicy(put("web", "desk", window_ms=900))
        found = await policy_of(acme, "web")
        assert (found.window_ms, found.split, found.supersede_default) == (900, False, queue)
        assert (await policy_of(acme, "web", "")).window_ms == 700
        assert (await policy_of(acme, "sms")).window_ms == 800
        theirs = await policy_of(umbrella, "web")
        assert (theirs.window_ms, theirs.split) == (600, True)

        listed = await acme.ListChannels(pb.ListChannelsRequest(agent_id="desk"))
        assert [(each.agent_id, each.channel) for each in listed.overrides] == [
            ("", ""),
            ("", "web"),
            ("desk", "web"),
        ]
        left = await acme.DeleteChannelPolicy(pb.DeleteChannelPolicyRequest(agent_id="desk", channel="web"))
        assert not left.override.policy.ListFields()
        assert (await policy_of(acme, "web")).window_ms == 700


async def test_a_change_counts_once_per_request_id(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        acme = channels(gateway)
        await acme.PutChannelPolicy(put("web", request_id="r1", window_ms=1))
        await acme.PutChannelPolicy(put("web", request_id="r2", window_ms=2))
        again = await acme.PutChannelPolicy(put("web", request_id="r1", window_ms=1))
        assert again.override.policy.window_ms == 2
        status, error = await refused(acme.PutChannelPolicy(put("web", request_id="r1", window_ms=3)))
        assert (status, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
        # Ids of one tenant are no business of another's.
        await channels(gateway, "umbrella").PutChannelPolicy(put("web", request_id="r1", window_ms=9))
        assert (await policy_of(acme, "web")).window_ms == 2


async def test_a_refused_change_names_everything_that_is_wrong_and_changes_nothing(
    database: str, redis_url: str
) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        acme = channels(gateway)
        wrong = put("web", window_ms=-1, max_chars=3, greeting="x" * 1001, split=False)
        status, error = await refused(acme.PutChannelPolicy(wrong))
        assert (status, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
        assert {each.field for each in error.violations} == {
            "policy.window_ms",
            "policy.max_chars",
            "policy.greeting",
        }
        assert (await policy_of(acme, "web")).split is True


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (put("pigeon", split=False), "UNKNOWN_CHANNEL"),
        (put("web", "nobody", split=False), "AGENT_NOT_FOUND"),
        (put("web", "a:b", split=False), "INVALID_ID"),
        (put("web"), "INVALID_FIELD"),
        (put("web", request_id="x" * 257, split=False), "INVALID_ID"),
    ],
)
async def test_a_change_of_nothing_known_is_refused(
    database: str, redis_url: str, request_: pb.PutChannelPolicyRequest, reason: str
) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        _, error = await refused(channels(gateway).PutChannelPolicy(request_))
        assert error.reason == reason


async def test_only_administrators_change_policies(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        reader = channels(gateway, "acme", "agent")
        status, _ = await refused(reader.PutChannelPolicy(put("web", split=False)))
        assert status is grpc.StatusCode.PERMISSION_DENIED
        status, _ = await refused(reader.DeleteChannelPolicy(pb.DeleteChannelPolicyRequest(channel="web")))
        assert status is grpc.StatusCode.PERMISSION_DENIED
        assert (await policy_of(reader, "web")).split is True


async def test_a_change_at_one_gateway_reaches_the_other(database: str, redis_url: str) -> None:
    slow = {"cached_s": 3600}
    async with gateways(Peers(), database, redis_url, count=2, channels=slow) as [one, other]:
        there = channels(other)
        assert (await policy_of(there, "web")).window_ms == 600
        await channels(one).PutChannelPolicy(put("web", window_ms=77))

        async def reached() -> bool:
            return (await policy_of(there, "web")).window_ms == 77

        await until(reached, "the other gateway knows")


async def test_a_reply_is_sent_in_the_parts_of_its_channel_and_kept_whole(
    database: str, redis_url: str
) -> None:
    quick = {"retry_min_s": 0.05, "poll_s": 0.1}
    written = "**Your parcel** is on its way. " * 9
    async with gateways(Peers(), database, redis_url, delivery=quick) as [gateway]:
        request = send(written)
        request.address.channel = "sms"
        answered = await stub(gateway).SendMessage(request, timeout=10)
        assert answered.turn.reply[0].text == written

        async def arrived() -> bool:
            return len(await outbound(redis_url, "sms")) >= 2

        await until(arrived, "both parts arrive")
        first, second = await outbound(redis_url, "sms")
        assert (first["part"], second["part"], first["parts"]) == (0, 1, 2)
        assert first["dedupe_key"] != second["dedupe_key"]
        assert max(len(first["text"]), len(second["text"])) <= 153
        sent = f"{first['text']} {second['text']}"
        assert sent == written.replace("**", "").strip()


async def test_a_policy_reaches_the_pipeline_and_the_next_reply(database: str, redis_url: str) -> None:
    peers = Peers()
    async with gateways(peers, database, redis_url) as [gateway]:
        absorb = event_pb2.SUPERSEDE_ACTION_ABSORB
        await channels(gateway).PutChannelPolicy(put("web", supersede_default=absorb, markup=False))
        await stub(gateway).SendMessage(send("**hello**"), timeout=10)
        assert peers.starts[0].supersede_default == absorb

        async def arrived() -> bool:
            return [envelope["text"] for envelope in await outbound(redis_url, "web")] == ["hello"]

        await until(arrived, "the reply arrives without marks")


async def test_a_channel_of_the_settings_takes_messages(database: str, redis_url: str) -> None:
    registered = {
        "registered": {"matrix": {"capability": {"max_chars": 900}, "policy": {"window_ms": 0}}},
        "aliases": {"element": "matrix"},
    }
    async with gateways(Peers(), database, redis_url, channels=registered) as [gateway]:
        request = send("hello")
        request.address.channel = "element"
        answered = await stub(gateway).SendMessage(request, timeout=10)
        assert answered.turn.reply[0].text == "hello"
        listed = await channels(gateway).ListChannels(pb.ListChannelsRequest())
        [matrix] = [each for each in listed.channels if each.name == "matrix"]
        assert (matrix.capability.max_chars, list(matrix.aliases)) == (900, ["element"])
