"""Following pointers: nothing newer is missed, nothing older comes back, memory is bounded."""

import asyncio

import pytest

from focal_config_watcher.core.watching import Pointers
from focal_config_watcher.domain.version import AgentKey, Pointer
from focal_kernel import errors
from tests.fakes.config_watcher import NOW


def pointer(agent_id: str = "desk", version: int = 1, moves: int = 1, tenant: str = "acme") -> Pointer:
    return Pointer(AgentKey(tenant, agent_id), version, "hash", NOW, moves)


@pytest.fixture
def pointers() -> Pointers:
    made = Pointers()
    made.load([])
    return made


def test_nobody_may_follow_before_the_database_was_read() -> None:
    with pytest.raises(errors.Unavailable), Pointers().follow(""):
        pass


async def test_a_follower_gets_the_present_and_then_every_change(pointers: Pointers) -> None:
    pointers.notice(pointer())
    with pointers.follow("") as (known, watch):
        assert known == [pointer()]
        pointers.notice(pointer(version=2, moves=2))
        async with asyncio.timeout(5):
            assert await anext(watch.changes()) == pointer(version=2, moves=2)


async def test_a_rollback_is_news_although_its_version_is_lower(pointers: Pointers) -> None:
    pointers.notice(pointer(version=5, moves=5))
    with pointers.follow("") as (_, watch):
        pointers.notice(pointer(version=3, moves=6))
        async with asyncio.timeout(5):
            assert (await anext(watch.changes())).version == 3


async def test_what_is_old_or_known_is_not_sent_again(pointers: Pointers) -> None:
    pointers.notice(pointer(version=2, moves=2))
    with pointers.follow("") as (_, watch):
        pointers.load([pointer(version=1, moves=1), pointer(version=2, moves=2)])
        await pointers.close()
        assert [seen async for seen in watch.changes()] == []


async def test_a_slow_follower_keeps_only_the_newest_pointer_of_each_agent(pointers: Pointers) -> None:
    with pointers.follow("") as (_, watch):
        for moves in range(1, 1001):
            pointers.notice(pointer("a", moves, moves))
            pointers.notice(pointer("b", moves, moves))
        await pointers.close()
        seen = [(change.key.agent_id, change.version) async for change in watch.changes()]
    assert sorted(seen) == [("a", 1000), ("b", 1000)]


async def test_a_tenant_sees_its_own_agents_only(pointers: Pointers) -> None:
    pointers.notice(pointer(tenant="other"))
    with pointers.follow("acme") as (known, watch):
        pointers.notice(pointer(tenant="other", moves=2))
        pointers.notice(pointer(tenant="acme"))
        await pointers.close()
        assert known == []
        assert [seen.key.tenant_id async for seen in watch.changes()] == ["acme"]


async def test_draining_ends_followers_also_those_who_come_late(pointers: Pointers) -> None:
    with pointers.follow("") as (_, early):
        await pointers.close()
        assert [seen async for seen in early.changes()] == []
    with pointers.follow("") as (_, late):
        assert [seen async for seen in late.changes()] == []
