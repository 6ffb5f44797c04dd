"""A pipeline that is frozen and never thaws: its turns move to the other replica within ten seconds."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from focal_cli import admin
from focal_cli.connection import Connection
from focal_cli.demo import example, shop
from focal_cli.local import keeper, mesh, topology
from focal_client import FocalClient

TENANT = "demo"
CUSTOMERS = 6
"""Enough that round robin sends some of them to the frozen replica."""
LIMIT_S = 30.0
"""Generous: the figure itself is reported, machines here are noisy."""


async def _answered(client: FocalClient, user: str) -> float:
    """Seconds from a question to its answer."""
    began = time.monotonic()
    answer = await client.send(
        "Where is my order 10001?",
        agent_id=example.AGENT,
        channel="email",
        channel_user_id=user,
        timeout_s=LIMIT_S,
    )
    assert "10001" in answer.turn.reply[0].text
    return time.monotonic() - began


@pytest.mark.timeout(120)
async def test_a_pipeline_that_stays_frozen_is_replaced_by_its_replica(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    place, desk_shop = example.find(), shop.choose()
    options = mesh.Options(
        services=(*topology.SERVICES, "pipeline-2"),
        env=desk_shop.environment(),
        extras=[desk_shop.process(place.shop, tmp_path / "shop.sqlite")],
        policy=keeper.Policy(auto_restart=False),
    )
    async with mesh.LocalMesh(tmp_path / "mesh", options) as local:
        connection = Connection(local.record(), local.keys, TENANT)
        await admin.ensure_tenant(connection)
        await admin.publish_to_end(connection, admin.sources(place.agent))
        async with connection.client() as client:
            await asyncio.gather(*(_answered(client, f"warm-{n}") for n in range(CUSTOMERS)))
            local.kill("pipeline", signal.SIGSTOP)
            waits = await asyncio.gather(*(_answered(client, f"cold-{n}") for n in range(CUSTOMERS)))
    record_property("longest_s", max(waits))
    assert max(waits) > 1, "no turn met the frozen replica, so nothing was shown"
