"""`focal deliveries`: what committed turns owe the outside, and what of it waits for a person."""

import asyncio
from enum import StrEnum
from typing import Annotated

import typer

from focal.turn.v1 import delivery_service_pb2 as pb
from focal.turn.v1 import event_pb2
from focal_cli import connection, delivery_calls, options, render

commands = typer.Typer(help="Replies on their way, and what became of them.", no_args_is_help=True)


class State(StrEnum):
    """States as the command names them."""

    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"


class Decision(StrEnum):
    """What can be decided."""

    DELIVERED = "delivered"
    RESEND = "resend"
    DROP = "drop"


@commands.command("list")
def show_list(
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    state: Annotated[
        list[State] | None,
        typer.Option(
            "--state",
            help="Only in this state; may be repeated. Else failed and in_doubt, or all of a --session.",
        ),
    ] = None,
    destination: Annotated[
        str, typer.Option("--destination", help="Only to outbound, callback or memory.")
    ] = "",
    session: Annotated[str, typer.Option("--session", help="Only of this session.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.")] = 20,
    json: options.Json = False,
) -> None:
    """List deliveries, the latest first: those that failed or are in doubt, unless you ask for others."""
    states = [each.value.upper() for each in state or []]
    found = asyncio.run(
        delivery_calls.deliveries(connection.of(home, tenant), states, destination, session, limit)
    )
    if json:
        render.as_json([render.plain(delivery) for delivery in found])
        return
    columns = ("delivery", "state", "to", "recipient", "tries", "why", "session")
    render.table("Deliveries", columns, [_row(delivery) for delivery in found])


@commands.command()
def resolve(
    delivery: Annotated[
        str, typer.Argument(metavar="DELIVERY", help="Id; `focal deliveries list` shows those there are.")
    ],
    decision: Annotated[
        Decision,
        typer.Argument(
            help="delivered: it has arrived. resend: send it again, which may be twice. drop: give it up."
        ),
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the delivery.")],
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    json: options.Json = False,
) -> None:
    """Settle a delivery that failed or is in doubt."""
    mesh = connection.of(home, tenant)
    settled = asyncio.run(delivery_calls.resolve(mesh, delivery, decision.value.upper(), reason))
    if json:
        render.as_json(render.plain(settled))
        return
    render.console().print(f"Delivery {settled.delivery_id} is {_state(settled)}.")


def _row(delivery: pb.Delivery) -> tuple[object, ...]:
    return (
        delivery.delivery_id,
        _state(delivery),
        f"{delivery.destination} {delivery.channel}".strip(),
        delivery.recipient,
        delivery.attempts,
        delivery.reason,
        delivery.session_id,
    )


def _state(delivery: pb.Delivery) -> str:
    return render.enum_name(event_pb2.DeliveryState, delivery.state).replace("_", " ")
