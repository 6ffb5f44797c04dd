"""kill -9 of the gateways while a reply is posted to an adapter that knows no keys.

The adapter has the part, and what comes of it nobody will ever note: the part is in doubt, it is not posted
again, and a person settles it. Without the record that it is being sent the customer gets it twice.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.chaos.harness import guards
from tests.chaos.harness.customers import Saying
from tests.chaos.harness.rig import GATEWAYS, KEYLESS, TENANT, Rig
from tests.chaos.harness.scenes import QUESTION
from tests.doubles import channel_adapter
from tests.doubles.channel_adapter import ChannelAdapter
from tests.fakes.until import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]


@pytest_asyncio.fixture(loop_scope="session")
async def adapter(rig: Rig) -> AsyncIterator[ChannelAdapter]:
    async with channel_adapter.serving(rig.adapter_port) as serving:
        yield serving


async def the_gateways_die_while_a_part_is_posted(rig: Rig, adapter: ChannelAdapter) -> Saying:
    """The first post is never answered."""
    adapter.always = "hang"
    saying = await rig.customer(channel=KEYLESS).say(QUESTION)
    await until(lambda: adapter.posts, "the part at the adapter", 20)
    killed = {gateway: rig.mesh.kill(gateway) for gateway in GATEWAYS}
    adapter.always = 200
    for gateway, pid in killed.items():
        await rig.mesh.until_replaced(gateway, pid)
    return saying


async def states(rig: Rig, saying: Saying) -> dict[str, int]:
    """How many parts of the saying's session are in each state."""
    query = """
        SELECT count(*) FILTER (WHERE state = 'IN_DOUBT') AS doubted,
               count(*) FILTER (WHERE state = 'DELIVERED') AS delivered
        FROM turns.outbox WHERE session_id = $1 AND destination = 'callback'
    """
    return await rig.row(query, saying.acknowledged[0].session_id)


async def focal(rig: Rig, *arguments: str) -> Any:
    """What the command says."""
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "focal_cli", *arguments),
        *("--home", str(rig.mesh.home.root), "--tenant", TENANT, "--json"),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await running.communicate()
    assert running.returncode == 0, said
    return json.loads(said)


async def test_a_part_whose_gateway_died_is_in_doubt_is_not_posted_again_and_is_settled_by_a_person(
    rig: Rig, adapter: ChannelAdapter
) -> None:
    saying = await the_gateways_die_while_a_part_is_posted(rig, adapter)

    async def doubted() -> bool:
        return bool((await states(rig, saying)).get("doubted"))

    await until(doubted, "the part in doubt", 20)
    [found] = await focal(
        rig, "deliveries", "list", "--session", saying.acknowledged[0].session_id, "--state", "in_doubt"
    )
    assert found["recipient"].startswith("customer-")
    await focal(
        rig, "deliveries", "resolve", found["delivery_id"], "delivered", "--reason", "the customer has it"
    )
    assert await states(rig, saying) == {"doubted": 0, "delivered": 1}
    assert len(adapter.posts) == 1


async def test_without_the_record_the_customer_gets_it_twice(rig: Rig, adapter: ChannelAdapter) -> None:
    async with guards.SENDING.removed(rig.mesh.postgres_url):
        saying = await the_gateways_die_while_a_part_is_posted(rig, adapter)
        await until(lambda: len(adapter.posts) > 1, "the part posted again", 20)
        assert len({post["dedupe_key"] for post in adapter.posts}) == 1
        assert (await states(rig, saying))["doubted"] == 0
