"""`focal channels` against a scripted gateway."""

import json
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest

from focal.turn.v1 import channel_pb2, channel_service_pb2_grpc
from focal.turn.v1 import channel_service_pb2 as pb
from tests.fakes.servicers import serving
from tests.unit.cli.conftest import FakeMesh

OVERRIDE = channel_pb2.ChannelPolicyOverride(
    agent_id="desk", channel="sms", policy=channel_pb2.ChannelPolicy(split=False)
)


@dataclass
class FakeChannels:
    """Notes requests and answers each change with `OVERRIDE`."""

    requests: list[Any] = field(default_factory=list)

    async def ListChannels(self, request: Any, context: Any) -> pb.ListChannelsResponse:  # noqa: N802
        self.requests.append(request)
        sms = channel_pb2.Channel(name="sms", policy=channel_pb2.ChannelPolicy(window_ms=800))
        return pb.ListChannelsResponse(channels=[sms], overrides=[OVERRIDE])

    async def PutChannelPolicy(self, request: Any, context: Any) -> pb.PutChannelPolicyResponse:  # noqa: N802
        self.requests.append(request)
        return pb.PutChannelPolicyResponse(override=OVERRIDE)

    async def DeleteChannelPolicy(  # noqa: N802
        self, request: Any, context: Any
    ) -> pb.DeleteChannelPolicyResponse:
        self.requests.append(request)
        return pb.DeleteChannelPolicyResponse(override=channel_pb2.ChannelPolicyOverride(channel="sms"))


def add(fake: Any, server: grpc.aio.Server) -> None:
    channel_service_pb2_grpc.add_ChannelServiceServicer_to_server(fake, server)


async def run(fake_mesh: FakeMesh, *words: str) -> tuple[Any, list[Any]]:
    fake = FakeChannels()
    async with serving(add, fake) as target:
        fake_mesh.at({"turn_gateway": target})
        return await fake_mesh.terminal.focal("channels", *words), fake.requests


async def test_channels_and_overrides_are_listed(fake_mesh: FakeMesh) -> None:
    outcome, [request] = await run(fake_mesh, "list", "--agent", "desk")
    assert outcome.code == 0
    assert "800" in outcome.output
    assert "split=False" in outcome.output
    assert request.agent_id == "desk"


async def test_the_list_is_json_for_machines(fake_mesh: FakeMesh) -> None:
    outcome, _ = await run(fake_mesh, "list", "--json")
    assert json.loads(outcome.output)["channels"][0]["policy"]["window_ms"] == 800


async def test_fields_are_set_with_their_types(fake_mesh: FakeMesh) -> None:
    words = ("split=false", "window_ms=50", "supersede_default=queue", "greeting=Hello=")
    outcome, [request] = await run(fake_mesh, "set", "sms", *words, "--agent", "desk")
    assert outcome.code == 0, outcome.output
    policy = request.override.policy
    assert (policy.split, policy.window_ms, policy.greeting) == (False, 50, "Hello=")
    assert policy.HasField("split")
    assert policy.supersede_default == 3
    assert (request.override.agent_id, request.override.channel) == ("desk", "sms")
    assert request.request_id


@pytest.mark.parametrize(
    "wrong", ["split", "colour=red", "window_ms=soon", "split=yes", "supersede_default=x"]
)
async def test_a_field_that_cannot_be_is_refused_before_any_call(fake_mesh: FakeMesh, wrong: str) -> None:
    outcome, requests = await run(fake_mesh, "set", "sms", wrong)
    assert (outcome.code, requests) == (2, [])


async def test_fields_are_taken_out_and_all_channels_have_a_name(fake_mesh: FakeMesh) -> None:
    outcome, [request] = await run(fake_mesh, "unset", "all", "split", "markup")
    assert outcome.code == 0
    assert (request.channel, list(request.fields)) == ("", ["split", "markup"])
    assert "nothing is overridden" in outcome.output
