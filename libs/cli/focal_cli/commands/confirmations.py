"""`focal confirmations`: tool calls that somebody has to say yes to."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from focal.toolbox.v1 import tool_pb2
from focal_cli import confirmation_calls, connection, options, render

commands = typer.Typer(help="Calls that wait for a yes, and who gave it.", no_args_is_help=True)

Confirmation = Annotated[
    str, typer.Argument(metavar="CONFIRMATION", help="Id; `focal confirmations list` shows those there are.")
]


class State(StrEnum):
    """States as the command names them."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    USED = "used"
    EXPIRED = "expired"


@commands.command("list")
def show_list(
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    session: Annotated[str, typer.Option("--session", help="Only of this session.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.")] = 20,
    json: options.Json = False,
) -> None:
    """List confirmations, the latest first."""
    wanted = state.value.upper() if state else ""
    mesh = connection.of(home, tenant)
    found = asyncio.run(confirmation_calls.confirmations(mesh, session, wanted, limit))
    if json:
        render.as_json([render.plain(confirmation) for confirmation in found])
        return
    columns = ("confirmation", "state", "of", "tool", "question", "answered by", "session")
    render.table("Confirmations", columns, [_row(confirmation) for confirmation in found])


@commands.command()
def accept(
    confirmation: Confirmation,
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    json: options.Json = False,
) -> None:
    """Say yes, for whoever was asked; the call is made once, in a turn of its session."""
    _answer(home, tenant, confirmation, accepted=True, json=json)


@commands.command()
def decline(
    confirmation: Confirmation,
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    json: options.Json = False,
) -> None:
    """Say no, also after a yes that no call has used yet."""
    _answer(home, tenant, confirmation, accepted=False, json=json)


def _answer(home: Path, tenant: str, confirmation: str, *, accepted: bool, json: bool) -> None:
    mesh = connection.of(home, tenant)
    answered = asyncio.run(confirmation_calls.answer(mesh, confirmation, accepted=accepted))
    if json:
        render.as_json(render.plain(answered))
        return
    said = "Yes" if accepted else "No"
    render.console().print(f"{said} is recorded; turn {answered.turn_id} tells what came of it.")


def _row(confirmation: tool_pb2.Confirmation) -> tuple[object, ...]:
    return (
        confirmation.confirmation_id,
        render.enum_name(tool_pb2.ConfirmationState, confirmation.state),
        render.enum_name(tool_pb2.Approver, confirmation.approver),
        confirmation.tool_name,
        render.short(confirmation.prompt),
        confirmation.answered_by,
        confirmation.session_id,
    )
