"""`focal contacts`: where customers may be written to when a reply cannot be delivered."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from focal.turn.v1 import contact_service_pb2 as pb
from focal_cli import connection, contact_calls, options, render

commands = typer.Typer(
    help="Addresses of customers, and whether they agreed to be written to.", no_args_is_help=True
)

CUSTOMER = Annotated[str, typer.Argument(help="The customer; `focal sessions list` shows who it is.")]
CHANNEL = Annotated[str, typer.Argument(help="Channel, such as sms or email.")]


@commands.command("list")
def show_list(
    customer: CUSTOMER,
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    json: options.Json = False,
) -> None:
    """List a customer's contacts."""
    found = asyncio.run(contact_calls.of_customer(connection.of(home, tenant), customer))
    if json:
        render.as_json([render.plain(contact) for contact in found])
        return
    columns = ("channel", "address", "verified", "agreed", "since", "on record")
    render.table(f"Contacts of {customer}", columns, [_row(contact) for contact in found])


@commands.command("set")
def put(  # noqa: PLR0913, PLR0917 options are parameters
    customer: CUSTOMER,
    channel: CHANNEL,
    address: Annotated[str, typer.Argument(help="Phone number (+34600111222), e-mail address or id there.")],
    source: Annotated[str, typer.Option("--source", help="Where their word is on record, such as a form.")],
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    opted_in: Annotated[
        bool, typer.Option("--opted-in/--opted-out", help="Whether they agreed to be written to there.")
    ] = False,
    verified: Annotated[
        bool, typer.Option("--verified", help="Somebody made sure that the address is theirs.")
    ] = False,
    since: Annotated[
        datetime | None, typer.Option("--since", help="When they said so, in UTC; now when left out.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Store a customer's address and their word on it; nothing is sent there without both flags."""
    contact = pb.Contact(
        customer_id=customer,
        channel=channel,
        address=address,
        source=source,
        opted_in=opted_in,
        verified=verified,
    )
    if since is not None:
        contact.since.FromDatetime(since.replace(tzinfo=UTC))
    stands = asyncio.run(contact_calls.put(connection.of(home, tenant), contact))
    if json:
        render.as_json(render.plain(stands))
        return
    agreed = "may be written to" if stands.opted_in else "did not agree to be written to"
    known = "verified" if stands.verified else "not verified"
    render.console().print(
        f"{customer} {agreed} on {stands.channel} at {stands.address} ({known}).", markup=False
    )


@commands.command()
def delete(
    customer: CUSTOMER,
    channel: CHANNEL,
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    json: options.Json = False,
) -> None:
    """Forget a contact, with the customer's word."""
    deleted = asyncio.run(contact_calls.delete(connection.of(home, tenant), customer, channel))
    if json:
        render.as_json({"deleted": deleted})
        return
    render.console().print("deleted" if deleted else "there was none")


def _row(contact: pb.Contact) -> tuple[object, ...]:
    since = contact.since.ToDatetime(UTC).isoformat(timespec="seconds")
    words = ("yes" if contact.verified else "no", "yes" if contact.opted_in else "no")
    return contact.channel, contact.address, *words, since, contact.source
