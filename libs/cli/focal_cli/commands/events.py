"""`focal events`: follow the events of all sessions of a tenant."""

from typing import Annotated

import typer

from focal_cli import connection, frames, options, render, running
from focal_client import events as client_events


def events(
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    pattern: options.Patterns = None,
    agent: Annotated[str, typer.Option("--agent", help="Only this agent's.")] = "",
    after: Annotated[
        str, typer.Option("--after", help="Go on behind this position, as --json wrote it.")
    ] = "",
    from_oldest: Annotated[bool, typer.Option("--all", help="Begin with the oldest that is kept.")] = False,
    json: options.Json = False,
) -> None:
    """Follow what happens in all sessions of a tenant, from now on, until Ctrl-C."""
    mesh = connection.of(home, tenant)
    running.until_signal(_events(mesh, pattern or [], agent, after, from_oldest=from_oldest, json=json))


async def _events(
    mesh: connection.Connection, patterns: list[str], agent: str, after: str, *, from_oldest: bool, json: bool
) -> None:
    console = render.console()
    async with mesh.client() as client:
        found = client.events(patterns, agent_id=agent, after_position=after, from_oldest=from_oldest)
        async for logged in found:
            if json:
                render.as_json({"position": logged.position, **render.plain(logged.proto)})
                continue
            _, words = frames.summary(client_events.from_event(logged.proto))
            session = render.short_id(logged.proto.session_id)
            console.print(f"[dim]{session} {logged.proto.offset:>5}[/] ", end="")
            console.print(f"[cyan]{logged.proto.name:<28}[/] ", end="")
            console.print(render.short(words), markup=False)
