"""`focal sessions`: list sessions, read one, change and end it."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from focal.turn.v1 import message_pb2, session_pb2, turn_pb2
from focal.turn.v1 import session_service_pb2 as service
from focal_cli import connection, options, render, transcript

commands = typer.Typer(help="Look at sessions, change and end them.", no_args_is_help=True)

LIMIT = Annotated[int, typer.Option("--limit", min=1, max=100, help="How many at most.")]
SESSION = Annotated[
    str, typer.Argument(metavar="SESSION", help="Id; `focal sessions list` shows those there are.")
]
REASON = Annotated[str, typer.Option("--reason", help="Why; kept in the event.")]
TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]


@commands.command("list")
def show_list(  # noqa: PLR0913, PLR0917 options are parameters
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    agent: Annotated[str, typer.Option("--agent", help="Only this agent's.")] = "",
    channel: Annotated[str, typer.Option("--channel", help="Only on this channel.")] = "",
    customer: Annotated[str, typer.Option("--customer", help="Only of this customer id.")] = "",
    active: Annotated[
        bool | None, typer.Option("--active/--ended", help="Only those that are; else both.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option("--since", formats=TIMES, help="Updated then or later, UTC.")
    ] = None,
    before: Annotated[
        datetime | None, typer.Option("--before", formats=TIMES, help="Updated before, UTC.")
    ] = None,
    by_update: Annotated[bool, typer.Option("--by-update", help="The latest updated first.")] = False,
    limit: LIMIT = 20,
    json: options.Json = False,
) -> None:
    """List sessions, the latest created first."""
    matching: dict[str, Any] = {"agent_id": agent, "channel": channel, "customer_id": customer}
    if active is not None:
        matching["status"] = session_pb2.SESSION_STATUS_ACTIVE if active else session_pb2.SESSION_STATUS_ENDED
    if by_update:
        matching["order"] = service.SESSION_ORDER_UPDATED
    for name, value in (("updated_after", since), ("updated_before", before)):
        if value is not None:
            matching[name] = value.replace(tzinfo=UTC)
    found = asyncio.run(_list(connection.of(home, tenant), limit, matching))
    if json:
        render.as_json([render.plain(session) for session in found])
        return
    columns = ("session", "agent", "channel", "state", "turns", "open", "updated")
    render.table("Sessions", columns, [_session_row(session) for session in found])


@commands.command("show")
def show_one(
    session: SESSION,
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    limit: LIMIT = 20,
    json: options.Json = False,
) -> None:
    """Show a session: what it remembers, its latest turns, and what was said."""
    found, turns, messages = asyncio.run(_show(connection.of(home, tenant), session, limit))
    if json:
        render.as_json(
            {
                "session": render.plain(found),
                "turns": [render.plain(turn) for turn in turns],
                "messages": [render.plain(message) for message in messages],
            }
        )
        return
    _describe(found)
    columns = ("turn", "status", "tries", "texts", "rules and tools", "reply")
    render.table(f"Turns of {session}", columns, [_turn_row(turn) for turn in turns])
    for line in transcript.of(messages, turns):
        at = datetime.fromtimestamp(line.at_ms / 1000, UTC)
        render.console().print(f"{at:%Y-%m-%d %H:%M:%S}  {line.speaker}: {line.text}", markup=False)


@commands.command()
def update(  # noqa: PLR0913, PLR0917 options are parameters
    session: SESSION,
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    assign: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=JSON, e.g. order_id='\"10003\"'; may be repeated.")
    ] = None,
    unset: Annotated[
        list[str] | None, typer.Option("--unset", help="NAME to remove; may be repeated.")
    ] = None,
    step: Annotated[str, typer.Option("--step", help="SCENARIO/STEP to stand on.")] = "",
    leave: Annotated[str, typer.Option("--leave", help="SCENARIO to leave.")] = "",
    etag: Annotated[
        str, typer.Option("--etag", help="Only if the session still has this etag, which `show` tells.")
    ] = "",
    reason: REASON = "",
    json: options.Json = False,
) -> None:
    """Change variables, or the step of a scenario. A turn that runs is not disturbed."""
    variables = dict(_assigned(each) for each in assign or [])
    variables |= dict.fromkeys(unset or [], "null")
    scenario_id, _, step_id = step.partition("/")
    if step and not step_id:
        raise typer.BadParameter("is SCENARIO/STEP", param_hint="--step")
    change = {
        "scenario_id": scenario_id,
        "step_id": step_id,
        "leave_scenario_id": leave,
        "etag": etag,
        "reason": reason,
    }
    changed = asyncio.run(_update(connection.of(home, tenant), session, variables, change))
    if json:
        render.as_json(render.plain(changed))
    else:
        _describe(changed)


@commands.command()
def end(
    session: SESSION,
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    reason: REASON = "",
    json: options.Json = False,
) -> None:
    """End a session. What was acknowledged is still answered; the next message opens a new session."""
    ended = asyncio.run(_end(connection.of(home, tenant), session, reason))
    if json:
        render.as_json(render.plain(ended))
    else:
        render.console().print(
            f"{ended.session_id} has ended; {ended.open_messages} messages are still answered."
        )


async def _list(
    mesh: connection.Connection, limit: int, matching: dict[str, Any]
) -> list[session_pb2.Session]:
    async with mesh.client() as client:
        return list((await client.sessions.list(page_size=limit, **matching)).sessions)


async def _show(
    mesh: connection.Connection, session_id: str, limit: int
) -> tuple[session_pb2.Session, list[turn_pb2.Turn], list[message_pb2.Message]]:
    async with mesh.client() as client:
        session = await client.sessions.get(session_id)
        turns = await client.sessions.turns(session_id, page_size=limit)
        messages = await client.sessions.messages(session_id, page_size=limit)
        return session, list(turns.turns), list(messages.messages)


async def _update(
    mesh: connection.Connection, session_id: str, variables: dict[str, str], change: dict[str, str]
) -> session_pb2.Session:
    async with mesh.client() as client:
        return await client.sessions.update(session_id, variables, **change)


async def _end(mesh: connection.Connection, session_id: str, reason: str) -> session_pb2.Session:
    async with mesh.client() as client:
        return await client.sessions.end(session_id, reason=reason)


def _assigned(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise typer.BadParameter("is NAME=JSON", param_hint="--set")
    return name, value


def _describe(session: session_pb2.Session) -> None:
    about = f"{session.agent_id} version {session.config_version}, {session.channel}, {session.customer_id}"
    render.console().print(f"{about}, {_standing(session)}, etag {session.etag}", markup=False)
    for name, value in sorted(session.state.variables_json.items()):
        render.console().print(f"{name} = {value}", markup=False)
    for scenario in session.state.scenarios:
        status = render.enum_name(session_pb2.ScenarioStatus, scenario.status)
        place = f"{scenario.scenario_id}/{scenario.current_step_id}"
        render.console().print(f"scenario {place}: {status}", markup=False)
    for move in session.state.moves:
        wish = f"to {move.scenario_id}/{move.step_id}" if move.step_id else f"out of {move.scenario_id}"
        render.console().print(f"next turn: {wish}", markup=False)


def _standing(session: session_pb2.Session) -> str:
    if session.status != session_pb2.SESSION_STATUS_ENDED:
        return "active"
    return f"ended by {session.ended_by}" + (f": {session.end_reason}" if session.end_reason else "")


def _session_row(session: session_pb2.Session) -> tuple[object, ...]:
    return (
        session.session_id,
        f"{session.agent_id} v{session.config_version}",
        session.channel,
        render.enum_name(session_pb2.SessionStatus, session.status),
        session.turn_count,
        session.open_messages,
        f"{session.updated_at.ToDatetime():%Y-%m-%d %H:%M:%S}",
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
