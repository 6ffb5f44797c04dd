"""`focal effects`: what tools have done to the world."""

import asyncio
from typing import Annotated

import typer

from focal.toolbox.v1 import effect_pb2
from focal_cli import admin, connection, options, render

commands = typer.Typer(help="The ledger of effects.", no_args_is_help=True)


@commands.command("list")
def show_list(
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    session: Annotated[str, typer.Option("--session", help="Only this session's.")] = "",
    json: options.Json = False,
) -> None:
    """List effects, the latest first."""
    found = asyncio.run(admin.effects(connection.of(home, tenant), session))
    if json:
        render.as_json([render.plain(effect) for effect in found])
        return
    columns = ("effect", "tool", "state", "attempts", "arguments", "result or reason")
    render.table("Effects", columns, [_row(effect) for effect in found])


def _row(effect: effect_pb2.Effect) -> tuple[object, ...]:
    return (
        effect.effect_id,
        effect.tool_name,
        render.enum_name(effect_pb2.EffectState, effect.state),
        effect.attempts,
        render.short(effect.arguments_json),
        render.short(effect.error_reason or effect.result_json),
    )
