"""`focal effects`: what tools have done to the world, and what of it nobody knows for sure."""

import asyncio
from datetime import UTC
from enum import StrEnum
from typing import Annotated

import typer
from google.protobuf import timestamp_pb2

from focal.toolbox.v1 import effect_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal_cli import connection, effect_calls, options, render
from focal_kernel import canonical_json

commands = typer.Typer(help="See what tools have done, and settle what is in doubt.", no_args_is_help=True)

Effect = Annotated[str, typer.Argument(metavar="EFFECT", help="Id; `focal effects list` shows them.")]


class State(StrEnum):
    """States as the command names them."""

    PREPARED = "prepared"
    ACCEPTED = "accepted"
    DONE = "done"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    COMPENSATING = "compensating"
    COMPENSATED = "compensated"


class Word(StrEnum):
    """What a person can say about a doubt."""

    DONE = "done"
    FAILED = "failed"


@commands.command("list")
def show_list(
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    session: Annotated[str, typer.Option("--session", help="Only this session's.")] = "",
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.")] = 100,
    json: options.Json = False,
) -> None:
    """List effects, the latest first."""
    name = state.value.upper() if state else ""
    found = asyncio.run(effect_calls.effects(connection.of(home, tenant), session, name, limit))
    if json:
        render.as_json([render.plain(effect) for effect in found])
        return
    columns = ("effect", "tool", "state", "tries", "arguments", "result or reason")
    render.table("Effects", columns, [_row(effect) for effect in found])


@commands.command()
def show(
    effect: Effect,
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    json: options.Json = False,
) -> None:
    """Show one effect, and all that was ever said about doubts of it."""
    found = asyncio.run(effect_calls.effect(connection.of(home, tenant), effect))
    if json:
        render.as_json(render.plain(found))
        return
    facts = [(name, value) for name, value in _facts(found.effect) if value]
    render.table(f"Effect {effect}", ("what", "value"), facts)
    if found.resolutions:
        rows = [
            (_moment(one.resolved_at), _state(one.state), _who(one), one.reason) for one in found.resolutions
        ]
        render.table("What was said about it", ("when", "state", "by", "how it is known"), rows)


@commands.command()
def resolve(
    effect: Effect,
    word: Annotated[
        Word, typer.Argument(help="done: it has happened; failed: it has not, and may be tried again.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="How you know; kept for the audit.")],
    result: Annotated[
        str,
        typer.Option("--result", help="With `done`: the result as JSON, as the tool would have answered."),
    ] = "",
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    json: options.Json = False,
) -> None:
    """Say what became of an effect that is in doubt."""
    mesh = connection.of(home, tenant)
    resolved = asyncio.run(effect_calls.resolve(mesh, effect, word.value.upper(), reason, result))
    if json:
        render.as_json(render.plain(resolved))
        return
    render.console().print(f"Effect {effect} is {_state(resolved.state)}.")


@commands.command()
def check(
    effect: Effect,
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    json: options.Json = False,
) -> None:
    """Ask the provider what became of an effect that is in doubt."""
    told = asyncio.run(effect_calls.check(connection.of(home, tenant), effect))
    if json:
        render.as_json(render.plain(told))
        return
    console = render.console()
    console.print(
        f"The provider says: {_FOUND[told.finding]}. Effect {effect} is {_state(told.effect.state)}."
    )
    why = " ".join(part for part in (told.error_reason, told.message) if part)
    if why:
        console.print(why, markup=False)


_FOUND = {
    pb.CHECK_FINDING_HAPPENED: "it has happened",
    pb.CHECK_FINDING_ABSENT: "it has not happened",
    pb.CHECK_FINDING_UNKNOWN: "nothing that tells",
}


def _row(effect: effect_pb2.Effect) -> tuple[object, ...]:
    return (
        effect.effect_id,
        effect.tool_name,
        _state(effect.state),
        effect.attempts,
        _words(effect.arguments_json),
        effect.error_reason or _words(effect.result_json),
    )


def _facts(effect: effect_pb2.Effect) -> list[tuple[str, object]]:
    """What `show` shows; what an effect does not have is an empty text."""
    return [
        ("tool", effect.tool_name),
        ("state", _state(effect.state)),
        ("reason", effect.error_reason),
        ("arguments", effect.arguments_json),
        ("result", effect.result_json),
        ("requests", effect.attempts),
        ("begun", _moment(effect.prepared_at)),
        ("so since", _moment(effect.updated_at)),
        ("asked about", f"{effect.checks} times" if effect.checks else ""),
        ("said by", _who(effect.resolution) if effect.HasField("resolution") else ""),
        ("undoes", effect.compensates),
        ("session", effect.session_id),
        ("turn", effect.turn_id),
        ("turn group", effect.turn_group_id),
        ("idempotency key", effect.effect_key),
    ]


def _who(said: effect_pb2.EffectResolution) -> str:
    return f"the check {said.check_tool}" if said.check_tool else said.resolved_by


def _state(number: effect_pb2.EffectState.ValueType) -> str:
    return render.enum_name(effect_pb2.EffectState, number).replace("_", " ")


def _moment(stamp: timestamp_pb2.Timestamp) -> str:
    return stamp.ToDatetime(UTC).isoformat(timespec="seconds")


def _words(document: str) -> str:
    """A JSON object as words that break between its members."""
    value = canonical_json.loads(document) if document else ""
    if isinstance(value, dict):
        return render.short(", ".join(f"{name} {each}" for name, each in value.items()))
    return render.short(str(value))
