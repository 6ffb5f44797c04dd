"""The shop as the demonstration starts and reads it: the example's real order service."""

import asyncio
from pathlib import Path

import httpx

from focal_cli.demo import example, shop
from focal_cli.local import keeper, supervisor


async def test_the_shop_opens_at_its_address_and_counts_what_it_paid(tmp_path: Path) -> None:
    desk_shop = shop.choose()
    assert not await desk_shop.is_open()
    process = desk_shop.process(example.find().shop, tmp_path / "shop.sqlite")
    running = supervisor.Supervisor([process], tmp_path, keeper.Policy())
    try:
        await asyncio.wait_for(running.start(), 30)
        assert await desk_shop.is_open()
        assert await desk_shop.refunds("10003") == 0
        async with httpx.AsyncClient(base_url=desk_shop.url) as client:
            for order in ("10003", "10001"):
                paid = await client.post(f"/orders/{order}/refund", json={"amount": "1.00"})
                assert paid.is_success
        assert await desk_shop.refunds("10003") == 1
    finally:
        await running.stop()


def test_the_toolbox_is_told_where_the_shop_is() -> None:
    assert shop.Shop("http://127.0.0.1:7480").environment() == {
        "toolbox": {"FOCAL_TOOLBOX__VARIABLES__ORDER_SERVICE_URL": "http://127.0.0.1:7480"}
    }
