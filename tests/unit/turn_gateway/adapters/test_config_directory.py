import traceback
from collections.abc import AsyncIterator, Callable

import grpc
import pytest

from focal.config.v1 import config_watcher_service_pb2 as pb
from focal.config.v1 import config_watcher_service_pb2_grpc as api
from focal_kernel import errors as kernel_errors
from focal_service_kit.host import Host
from focal_turn_gateway.adapters.config_directory import ConfigDirectory
from tests.fakes import in_process
from tests.fakes.until import until


class Config(api.ConfigWatcherServiceServicer):
    """Knows `desk`; `away` answers UNAVAILABLE."""

    def __init__(self) -> None:
        self.agents = {"desk"}
        self.away = False
        self.asked = 0

    async def GetPointer(self, request: pb.GetPointerRequest, context: object) -> pb.GetPointerResponse:  # noqa: N802
        self.asked += 1
        if self.away:
            raise kernel_errors.Unavailable("DEPENDENCY_UNAVAILABLE", "away")
        if request.agent_id not in self.agents:
            raise kernel_errors.NotFound("AGENT_NOT_FOUND", "no such agent")
        return pb.GetPointerResponse()


class Place:
    def __init__(self, config: Config, channel: grpc.aio.Channel, token: Callable[[str], str]) -> None:
        self.config, self._channel, self._token = config, channel, token

    def directory(self, known_s: float = 60, unknown_s: float = 60) -> ConfigDirectory:
        return ConfigDirectory(self._channel, self._token, known_s=known_s, unknown_s=unknown_s)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    config = Config()

    async def build(host: Host) -> None:
        api.add_ConfigWatcherServiceServicer_to_server(config, host.server)

    async with in_process.serving("config_watcher", build) as running:
        yield Place(config, running.channel(), running.deployment.tenant_token)


async def test_a_known_agent_is_asked_for_once_in_a_while(place: Place) -> None:
    directory = place.directory(known_s=0.05)
    for _ in range(5):
        await directory.require("acme", "desk")
    assert place.config.asked == 1

    async def asked_again() -> bool:
        await directory.require("acme", "desk")
        return place.config.asked == 2

    await until(asked_again, "it is asked for again")


async def test_an_agent_is_known_per_tenant(place: Place) -> None:
    directory = place.directory()
    await directory.require("acme", "desk")
    await directory.require("umbrella", "desk")
    assert place.config.asked == 2


async def test_an_unknown_agent_is_refused_and_found_soon_after_it_is_published(place: Place) -> None:
    directory = place.directory(unknown_s=0.05)
    for _ in range(3):
        with pytest.raises(kernel_errors.NotFound) as caught:
            await directory.require("acme", "shop")
        assert caught.value.reason == "AGENT_NOT_FOUND"
    assert place.config.asked == 1
    place.config.agents.add("shop")

    async def found() -> bool:
        try:
            await directory.require("acme", "shop")
        except kernel_errors.NotFound:
            return False
        return True

    await until(found, "it is found")


async def test_a_refusal_that_is_remembered_does_not_grow_with_its_repeats(place: Place) -> None:
    directory = place.directory()
    lengths = []
    for _ in range(20):
        with pytest.raises(kernel_errors.NotFound) as caught:
            await directory.require("acme", "shop")
        lengths.append(len(traceback.extract_tb(caught.value.__traceback__)))
    assert lengths[-1] == lengths[1]


async def test_a_known_agent_stays_known_while_config_watcher_is_away_and_is_not_asked_for_each_time(
    place: Place,
) -> None:
    directory = place.directory(known_s=0.05)
    await directory.require("acme", "desk")
    place.config.away = True

    async def asked_again() -> bool:
        await directory.require("acme", "desk")
        return place.config.asked > 1

    await until(asked_again, "it is asked for again")
    directory = place.directory(known_s=60)
    place.config.away = False
    await directory.require("acme", "desk")
    directory._fresh.clear()
    place.config.away = True
    asked = place.config.asked
    for _ in range(5):
        await directory.require("acme", "desk")
    assert place.config.asked == asked + 1


async def test_an_agent_that_was_never_known_needs_config_watcher(place: Place) -> None:
    place.config.away = True
    with pytest.raises(kernel_errors.Unavailable):
        await place.directory().require("acme", "desk")


async def test_an_agent_that_was_taken_away_is_refused(place: Place) -> None:
    directory = place.directory(known_s=0.01)
    await directory.require("acme", "desk")
    place.config.agents.clear()

    async def refused() -> bool:
        try:
            await directory.require("acme", "desk")
        except kernel_errors.NotFound:
            return True
        return False

    await until(refused, "it is refused")
