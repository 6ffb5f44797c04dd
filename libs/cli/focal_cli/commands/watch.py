"""`focal watch`: follow the events of a session."""

from typing import Annotated

import typer

from focal_cli import connection, frames, options, render, running
from focal_client import TextDelta


def watch(
    session: Annotated[str, typer.Argument(help="Id of the session; `focal sessions list` shows them.")],
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    from_offset: Annotated[
        int, typer.Option("--from", min=0, help="Offset to go on behind; 0 begins with the first event.")
    ] = 0,
    pattern: options.Patterns = None,
    json: options.Json = False,
) -> None:
    """Print what is stored of a session, then follow it until Ctrl-C."""
    mesh = connection.of(home, tenant)
    running.until_signal(_watch(mesh, session, from_offset, pattern or [], json))


async def _watch(
    mesh: connection.Connection, session: str, from_offset: int, patterns: list[str], json: bool
) -> None:
    console = render.console()
    async with mesh.client() as client:
        async for frame in client.watch(session, from_offset=from_offset, patterns=patterns):
            if json:
                render.as_json(frames.to_json(frame))
                continue
            what, words = frames.summary(frame)
            offset = "" if isinstance(frame, TextDelta) else getattr(frame, "offset", "")
            console.print(f"[dim]{offset:>5}[/] [cyan]{what:<18}[/] ", end="")
            console.print(words, markup=False)
