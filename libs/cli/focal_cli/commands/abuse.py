"""`focal abuse`: customers that abuse a tenant's agents, and what is done about them."""

import asyncio
from datetime import UTC
from enum import StrEnum
from typing import Annotated

import typer

from focal.turn.v1 import abuse_pb2
from focal.turn.v1 import abuse_service_pb2 as pb
from focal_cli import abuse_calls, connection, options, render

commands = typer.Typer(
    help="See, block and let in again customers that abuse an agent.", no_args_is_help=True
)

Customer = Annotated[
    str,
    typer.Argument(
        metavar="CUSTOMER", help="Id of the customer; `focal sessions list` shows those there are."
    ),
]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the record.")]


class Level(StrEnum):
    """Levels that a person may choose."""

    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@commands.command("list")
def show_list(
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    customer: Annotated[str, typer.Option("--customer", help="Only this customer's; empty for all.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Also what is over or was lifted.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.")] = 20,
    json: options.Json = False,
) -> None:
    """List what holds against customers, the latest first."""
    request = pb.ListAbuseRequest(customer_id=customer, holding=not every)
    found = asyncio.run(abuse_calls.entries(connection.of(home, tenant), request, limit))
    if json:
        render.as_json([render.plain(entry) for entry in found])
        return
    columns = ("customer", "level", "cause", "until", "figures or reason")
    render.table("Abuse", columns, [_row(entry) for entry in found])


@commands.command()
def block(  # noqa: PLR0913, PLR0917 options are parameters
    customer: Customer,
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    level: Annotated[
        Level, typer.Option("--level", help="medium restricts, high blocks, critical blocks until lifted.")
    ] = Level.HIGH,
    hours: Annotated[
        int, typer.Option("--hours", min=0, help="Hours it holds; 0 for the level's own, a day by default.")
    ] = 0,
    permanent: Annotated[bool, typer.Option("--permanent", help="Until it is lifted.")] = False,
    reason: Reason = "",
    json: options.Json = False,
) -> None:
    """Restrict or block a customer, from its next message on."""
    request = pb.BlockCustomerRequest(
        customer_id=customer,
        level=abuse_pb2.AbuseLevel.Value(f"ABUSE_LEVEL_{level.name}"),
        hours=hours,
        permanent=permanent,
        reason=reason,
    )
    entry = asyncio.run(abuse_calls.block(connection.of(home, tenant), request))
    if json:
        render.as_json(render.plain(entry))
        return
    what = "restricted" if entry.level == abuse_pb2.ABUSE_LEVEL_MEDIUM else "blocked"
    render.console().print(f"{entry.customer_id} is {what} until {_until(entry)}.")


@commands.command()
def lift(
    customer: Customer,
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    reason: Reason = "",
    json: options.Json = False,
) -> None:
    """Let a customer in again; what was found until now is not held against it any more."""
    ended = asyncio.run(abuse_calls.lift(connection.of(home, tenant), customer, reason))
    if json:
        render.as_json([render.plain(entry) for entry in ended])
        return
    render.console().print(f"Lifted: {len(ended)}")


def _row(entry: abuse_pb2.Abuse) -> tuple[object, ...]:
    figures = " ".join(f"{name}={value:g}" for name, value in sorted(entry.evidence.items()))
    return (
        entry.customer_id,
        render.enum_name(abuse_pb2.AbuseLevel, entry.level),
        render.enum_name(abuse_pb2.AbuseCause, entry.cause),
        f"lifted by {entry.lifted_by}" if entry.HasField("lifted_at") else _until(entry),
        figures or entry.reason,
    )


def _until(entry: abuse_pb2.Abuse) -> str:
    if not entry.HasField("until"):
        return "somebody lifts it"
    return entry.until.ToDatetime(UTC).isoformat(timespec="minutes")
