"""A running shop on loopback, and a client for it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import date
from pathlib import Path

import httpx
import pytest
import uvicorn

from order_service.api import Shop
from order_service.store import Store

TODAY = date(2026, 3, 10)
Opener = Callable[[bool], AbstractAsyncContextManager[httpx.AsyncClient]]


@asynccontextmanager
async def _serving(path: Path, *, honour_key: bool) -> AsyncIterator[httpx.AsyncClient]:
    store = Store(path, honour_key=honour_key, today=TODAY)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(Shop(store).app(), log_level="warning", lifespan="off"))
    serving = asyncio.create_task(server.serve([listener]), name="shop")
    try:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=5
        ) as client:
            yield client
    finally:
        server.should_exit = True
        await serving
        store.close()


@pytest.fixture
def open_shop(tmp_path: Path) -> Opener:
    """Opens a shop on the test's one database; True honours idempotency keys."""
    return lambda honour_key: _serving(tmp_path / "orders.sqlite", honour_key=honour_key)


@pytest.fixture
async def shop(open_shop: Opener) -> AsyncIterator[httpx.AsyncClient]:
    async with open_shop(False) as client:
        yield client
