"""`focal turns`: turns that do not end, and how to stop them."""

import asyncio
import time
from typing import Annotated

import typer

from focal.turn.v1 import turn_gateway_service_pb2, turn_pb2
from focal_cli import connection, options, render

commands = typer.Typer(help="See and stop turns that do not end.", no_args_is_help=True)


@commands.command()
def stuck(
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    older_than: Annotated[float, typer.Option("--older-than", min=0, help="Least age, in seconds.")] = 60,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="How many at most.")] = 20,
    json: options.Json = False,
) -> None:
    """List turns that were opened a while ago and have not ended, the oldest first."""
    found = asyncio.run(_stuck(connection.of(home, tenant), older_than, limit))
    if json:
        render.as_json([render.plain(turn) for turn in found])
        return
    columns = ("turn", "session", "status", "cause", "tries", "seconds")
    now = time.time()
    render.table("Open turns", columns, [_row(turn, now) for turn in found])


@commands.command()
def cancel(
    session: Annotated[str, typer.Argument(help="Id of the session; `focal turns stuck` shows it.")],
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    turn: Annotated[str, typer.Option("--turn", help="Only this turn; else whichever runs.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the turn's record.")] = "",
    json: options.Json = False,
) -> None:
    """Stop a turn before its commit point. Its messages stay unanswered, and no reply is sent."""
    answer = asyncio.run(_cancel(connection.of(home, tenant), session, turn, reason))
    if json:
        render.as_json(render.plain(answer))
        return
    rows = [(message.message_id, render.short(message.text)) for message in answer.open_messages]
    render.table(f"{answer.turn.turn_id} is cancelled; unanswered", ("message", "text"), rows)


async def _stuck(mesh: connection.Connection, older_than_s: float, limit: int) -> list[turn_pb2.Turn]:
    async with mesh.client() as client:
        return list((await client.sessions.open_turns(min_age_s=older_than_s, page_size=limit)).turns)


async def _cancel(
    mesh: connection.Connection, session_id: str, turn_id: str, reason: str
) -> turn_gateway_service_pb2.CancelTurnResponse:
    async with mesh.client() as client:
        return await client.cancel_turn(session_id, turn_id=turn_id, reason=reason)


def _row(turn: turn_pb2.Turn, now: float) -> tuple[object, ...]:
    return (
        turn.turn_id,
        turn.session_id,
        render.enum_name(turn_pb2.TurnStatus, turn.status),
        render.enum_name(turn_pb2.TurnCause, turn.cause),
        turn.attempt,
        round(now - turn.opened_at.ToMilliseconds() / 1000),
    )
