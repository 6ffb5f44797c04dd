"""The returns desk on five processes, for tests that only talk to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from focal_cli import admin
from focal_cli.connection import Connection
from focal_cli.demo import example, shop
from focal_cli.local import mesh, ports

TENANT = "demo"


@dataclass(frozen=True)
class Desk:
    """A running mesh with its shop and the example agent."""

    folder: Path
    mesh: mesh.LocalMesh
    connection: Connection
    shop: shop.Shop
    warehouse_port: int
    """Where the toolbox expects the example's warehouse; nobody is there until a test opens it."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """One desk for all tests; each brings its own customers."""
    folder = tmp_path_factory.mktemp("desk")
    place, desk_shop = example.find(), shop.choose()
    [warehouse_port] = ports.choose(1)
    env = desk_shop.environment()
    env["toolbox"] |= {
        "FOCAL_TOOLBOX__VARIABLES__WAREHOUSE_URL": f"http://127.0.0.1:{warehouse_port}",
        "FOCAL_TOOLBOX__ASYNCHRONOUS__WAIT_S": "0.5",
    }
    options = mesh.Options(env=env, extras=[desk_shop.process(place.shop, folder / "shop.sqlite")])
    async with mesh.LocalMesh(folder / ".focal", options) as local:
        connection = Connection(local.record(), local.keys, TENANT)
        await admin.ensure_tenant(connection)
        await admin.publish_to_end(connection, admin.sources(place.agent))
        yield Desk(folder, local, connection, desk_shop, warehouse_port)
