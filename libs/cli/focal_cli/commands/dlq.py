"""`focal dlq`: what the message router wrote and no message could be made of."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from focal.turn.v1 import dead_letter_service_pb2 as pb
from focal_cli import connection, options, render, router_calls

commands = typer.Typer(
    help="Dead letters: what the message router wrote and no message could be made of.", no_args_is_help=True
)

IDS = Annotated[list[str] | None, typer.Argument(help="Ids of dead letters; `focal dlq list` shows them.")]
ALL = Annotated[bool, typer.Option("--all", help="All dead letters, of the chosen channel or of every one.")]
CHANNEL = Annotated[str, typer.Option("--channel", help="Only this channel's; empty for all.")]


@commands.command("list")
def show_list(
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    channel: CHANNEL = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.")] = 20,
    json: options.Json = False,
) -> None:
    """List dead letters, the latest first."""
    found = asyncio.run(router_calls.dead_letters(connection.of(home, tenant), channel, limit))
    if json:
        render.as_json([render.plain(letter) for letter in found])
        return
    columns = ("dead letter", "reason", "what is wrong", "envelope")
    render.table("Dead letters", columns, [_row(letter) for letter in found])


@commands.command()
def retry(
    dead_letters: IDS = None,
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    channel: CHANNEL = "",
    every: ALL = False,
    json: options.Json = False,
) -> None:
    """Write dead letters to the end of their streams again, oldest first, once their cause is mended."""
    mesh = connection.of(home, tenant)
    done = asyncio.run(router_calls.retry(mesh, _chosen(dead_letters, every=every), channel))
    _report("put back", done, json=json)


@commands.command()
def drop(
    dead_letters: IDS = None,
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    channel: CHANNEL = "",
    every: ALL = False,
    json: options.Json = False,
) -> None:
    """Forget dead letters for good."""
    mesh = connection.of(home, tenant)
    done = asyncio.run(router_calls.drop(mesh, _chosen(dead_letters, every=every), channel))
    _report("dropped", done, json=json)


def _chosen(dead_letters: list[str] | None, *, every: bool) -> list[str] | None:
    """The ids, or None for all."""
    if bool(dead_letters) is every:
        raise typer.BadParameter("name dead letters or say --all, one of the two")
    return None if every else dead_letters


def _report(what: str, done: Sequence[str], *, json: bool) -> None:
    if json:
        render.as_json(list(done))
        return
    render.console().print(f"{what}: {len(done)}")


def _row(letter: pb.DeadLetter) -> tuple[object, ...]:
    return letter.dead_letter_id, letter.reason, letter.detail, render.short(letter.envelope)
