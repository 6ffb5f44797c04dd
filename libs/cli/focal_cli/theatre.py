"""Where the demonstration is played: on a mesh that runs, or on one raised for it."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from focal_cli import connection, render
from focal_cli.demo import example, shop
from focal_cli.demo.stage import Stage, Tell
from focal_cli.local import board, errors, home, keeper, mesh, supervisor


@asynccontextmanager
async def raised(root: Path, tenant: str, as_json: bool) -> AsyncIterator[Stage]:
    """A mesh of our own in a folder, with the shop in it."""
    place, desk_shop = example.find(), shop.choose()
    options = mesh.Options(
        env=desk_shop.environment(),
        extras=[desk_shop.process(place.shop, root / "shop.sqlite")],
        addresses={shop.NAME: desk_shop.url},
    )
    shown = board.Silent() if as_json else board.ReadyLines()
    async with mesh.LocalMesh(root, options, shown.announce) as local:
        shown.up(local.record())
        async with _stage(root, tenant, desk_shop, place, _tell(as_json)) as stage:
            yield stage


@asynccontextmanager
async def on_running(root: Path, tenant: str, as_json: bool) -> AsyncIterator[Stage]:
    """The mesh that runs in a folder; the shop is opened for the play if it is closed."""
    place, record = example.find(), home.Home(root).running()
    if shop.NAME not in record.addresses:
        raise errors.LocalError("this mesh knows no shop", "Play on one that `focal up` has started.")
    desk_shop = shop.Shop(record.addresses[shop.NAME])
    async with contextlib.AsyncExitStack() as stack:
        if not await desk_shop.is_open():
            await stack.enter_async_context(_opened(desk_shop, place, root))
        stage = _stage(root, tenant, desk_shop, place, _tell(as_json))
        yield await stack.enter_async_context(stage)


@asynccontextmanager
async def _stage(
    root: Path, tenant: str, desk_shop: shop.Shop, place: example.Example, tell: Tell
) -> AsyncIterator[Stage]:
    reached = connection.of(root, tenant)
    async with reached.client() as client:
        yield Stage(reached, client, desk_shop, place, tell)


@asynccontextmanager
async def _opened(desk_shop: shop.Shop, place: example.Example, root: Path) -> AsyncIterator[None]:
    process = desk_shop.process(place.shop, root / "shop.sqlite")
    opened = supervisor.Supervisor([process], home.Home(root).logs, keeper.Policy())
    try:
        await opened.start()
        yield
    finally:
        await opened.stop()


def _tell(as_json: bool) -> Tell:
    if as_json:
        return lambda who, what: None
    console = render.console()
    width = 9

    def tell(who: str, what: str) -> None:
        console.print(f"[cyan]{who:>{width}}[/]  ", end="")
        console.print(what, markup=False)

    return tell
