"""`focal up`: run the mesh in this terminal until Ctrl-C."""

from pathlib import Path
from typing import Annotated

import typer

from focal_cli import options, running
from focal_cli.demo import shop
from focal_cli.local import board, errors, mesh

PORTS = 65_536
PORT_HELP = (
    "Fix a port, as in turn_gateway=7401; may be repeated; also of postgres and valkey. Else a free one."
)


def up(
    home: options.Home = options.HOME,
    port: Annotated[list[str] | None, typer.Option("--port", help=PORT_HELP)] = None,
    json: options.Json = False,
) -> None:
    """Start PostgreSQL, Valkey and the five services, and keep them alive until Ctrl-C."""
    # The toolbox learns at its start where the example's shop will be; `focal demo` opens it there.
    desk_shop = shop.choose()
    chosen = mesh.Options(
        ports=dict(_port(text) for text in port or ()),
        env=desk_shop.environment(),
        addresses={shop.NAME: desk_shop.url},
    )
    running.until_signal(_serve(home, chosen, json))


async def _serve(home: Path, chosen: mesh.Options, json: bool) -> None:
    with board.for_output(json) as shown:
        async with mesh.LocalMesh(home, chosen, shown.announce) as local:
            shown.up(local.record())
            await running.forever()


def _port(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if not name or not number.isdecimal() or not 0 < int(number) < PORTS:
        raise errors.LocalError(
            f"--port {text} is not NAME=NUMBER", f"Write --port turn_gateway=7401, a number below {PORTS}."
        )
    return name, int(number)
