"""`focal effects`: what tools have done to the world."""

import asyncio
from typing import Annotated

import typer

from focal.toolbox.v1 import effect_pb2
from focal_cli import admin, connection, options, render
from focal_kernel import canonical_json

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
    columns = ("tool", "state", "tries", "arguments", "result or reason")
    render.table("Effects", columns, [_row(effect) for effect in found])


def _row(effect: effect_pb2.Effect) -> tuple[object, ...]:
    return (
        effect.tool_name,
        render.enum_name(effect_pb2.EffectState, effect.state),
        effect.attempts,
        _words(effect.arguments_json),
        effect.error_reason or _words(effect.result_json),
    )


def _words(document: str) -> str:
    """A JSON object as words that break between its members."""
    value = canonical_json.loads(document) if document else ""
    if isinstance(value, dict):
        return render.short(", ".join(f"{name} {each}" for name, each in value.items()))
    return render.short(str(value))
