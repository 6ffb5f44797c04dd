import asyncio
from collections.abc import Callable

from focal_turn_gateway.adapters import cached_overrides
from focal_turn_gateway.adapters.cached_overrides import CachedOverrides
from focal_turn_gateway.domain.channels import Layer, Override, Scope
from tests.fakes.channel_overrides import Overrides

LAYER = Layer(Scope("", "web"), Override(window_ms=5))


class Words:
    """A `PubSub` that carries nothing by itself."""

    def __init__(self) -> None:
        self.said: list[bytes] = []
        self.hear: Callable[[bytes], None] = lambda payload: None

    def publish(self, channel: str, payload: bytes) -> None:
        assert channel == cached_overrides.CHANNEL
        self.said.append(payload)

    def subscribe(self, channel: str, receive: Callable[[bytes], None]) -> None:
        self.hear = receive


class Place:
    def __init__(self, agents: int = 10, fresh_s: float = 60) -> None:
        self.stored, self.words = Overrides(LAYER), Words()
        self.cached = CachedOverrides(
            self.stored,
            self.words,  # type: ignore[arg-type]
            agents=agents,
            fresh_s=fresh_s,
        )


async def test_overrides_are_read_once_and_remembered() -> None:
    place = Place()
    assert await place.cached.layers("acme", "desk") == (LAYER,)
    assert await place.cached.layers("acme", "desk") == (LAYER,)
    assert place.stored.reads == 1


async def test_a_change_here_counts_at_once_and_is_told() -> None:
    place = Place()
    await place.cached.layers("acme", "desk")
    changed = Layer(LAYER.scope, Override(window_ms=6))
    await place.cached.put("acme", changed, "")
    assert await place.cached.layers("acme", "desk") == (changed,)
    assert place.words.said == [b"acme"]


async def test_the_word_of_a_change_elsewhere_empties_that_tenant_only() -> None:
    place = Place()
    for tenant in ("acme", "umbrella"):
        await place.cached.layers(tenant, "desk")
    place.words.hear(b"acme")
    for tenant in ("acme", "umbrella"):
        await place.cached.layers(tenant, "desk")
    assert place.stored.reads == 3


async def test_what_was_read_while_something_changed_is_not_remembered() -> None:
    place = Place()
    read, going_on = asyncio.Event(), asyncio.Event()
    layers = place.stored.layers

    async def slow(tenant_id: str, agent_id: str) -> tuple[Layer, ...]:
        found = await layers(tenant_id, agent_id)
        read.set()
        await going_on.wait()
        return found

    place.stored.layers = slow  # type: ignore[method-assign]
    reading = asyncio.create_task(place.cached.layers("acme", "desk"))
    await read.wait()
    place.words.hear(b"acme")
    going_on.set()
    await reading
    await place.cached.layers("acme", "desk")
    assert place.stored.reads == 2


async def test_no_more_agents_are_remembered_than_the_bound() -> None:
    place = Place(agents=2)
    for agent in ("a", "b", "c", "a"):
        await place.cached.layers("acme", agent)
    assert place.stored.reads == 4


async def test_what_is_remembered_grows_old() -> None:
    place = Place(fresh_s=0.01)
    await place.cached.layers("acme", "desk")
    await asyncio.sleep(0.02)
    await place.cached.layers("acme", "desk")
    assert place.stored.reads == 2
