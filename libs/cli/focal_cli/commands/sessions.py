"""`focal sessions`: list sessions, show the turns of one."""

import asyncio
from typing import Annotated

import typer

from focal.turn.v1 import session_pb2, turn_pb2
from focal_cli import connection, options, render

commands = typer.Typer(help="Look at sessions and their turns.", no_args_is_help=True)

LIMIT = Annotated[int, typer.Option("--limit", min=1, max=100, help="How many at most.")]


@commands.command("list")
def show_list(
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    limit: LIMIT = 20,
    json: options.Json = False,
) -> None:
    """List sessions, the latest first."""
    found = asyncio.run(_list(connection.of(home, tenant), limit))
    if json:
        render.as_json([render.plain(session) for session in found])
        return
    columns = ("session", "agent", "channel", "turns", "open")
    render.table("Sessions", columns, [_session_row(session) for session in found])


@commands.command("show")
def show_one(
    session: Annotated[str, typer.Argument(help="Id of the session.")],
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    limit: LIMIT = 20,
    json: options.Json = False,
) -> None:
    """Show a session and its turns, the latest first."""
    found, turns = asyncio.run(_show(connection.of(home, tenant), session, limit))
    if json:
        plain_turns = [render.plain(turn) for turn in turns]
        render.as_json({"session": render.plain(found), "turns": plain_turns})
        return
    about = f"{found.agent_id} version {found.config_version}, {found.channel}, {found.customer_id}"
    render.console().print(about, markup=False)
    for name, value in found.state.variables_json.items():
        render.console().print(f"{name} = {value}", markup=False)
    columns = ("turn", "status", "tries", "texts", "rules and tools", "reply")
    render.table(f"Turns of {session}", columns, [_turn_row(turn) for turn in turns])


async def _list(mesh: connection.Connection, limit: int) -> list[session_pb2.Session]:
    async with mesh.client() as client:
        return list((await client.sessions.list(page_size=limit)).sessions)


async def _show(
    mesh: connection.Connection, session_id: str, limit: int
) -> tuple[session_pb2.Session, list[turn_pb2.Turn]]:
    async with mesh.client() as client:
        session = await client.sessions.get(session_id)
        page = await client.sessions.turns(session_id, page_size=limit)
        return session, list(page.turns)


def _session_row(session: session_pb2.Session) -> tuple[object, ...]:
    return (
        session.session_id,
        f"{session.agent_id} v{session.config_version}",
        session.channel,
        session.turn_count,
        session.open_messages,
    )


def _turn_row(turn: turn_pb2.Turn) -> tuple[object, ...]:
    return (
        render.short_id(turn.turn_id),
        render.enum_name(turn_pb2.TurnStatus, turn.status),
        turn.attempt,
        len(turn.message_ids),
        "\n".join([*turn.matched_rule_ids, *(f"{tool.tool_name}: {tool.status}" for tool in turn.tools)]),
        render.short(" ".join(segment.text for segment in turn.reply)),
    )
