"""`focal webhooks`: events of a tenant, posted to a URL."""

import asyncio
import secrets
from typing import Annotated

import typer

from focal.turn.v1 import webhook_pb2
from focal_cli import connection, options, render, webhook_calls
from focal_cli.local import errors

commands = typer.Typer(help="Have events posted to a URL of yours.", no_args_is_help=True)

Id = Annotated[
    str, typer.Argument(metavar="WEBHOOK", help="Id; `focal webhooks list` shows those there are.")
]


@commands.command()
def create(
    url: Annotated[str, typer.Argument(help="Where events are posted; https.")],
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    pattern: options.Patterns = None,
    secret: Annotated[
        str,
        typer.Option(
            "--secret", envvar="FOCAL_WEBHOOK_SECRET", help="Key of the signatures; a new one when left out."
        ),
    ] = "",
    json: options.Json = False,
) -> None:
    """Create a webhook."""
    made = "" if secret else secrets.token_urlsafe(32)
    created = asyncio.run(
        webhook_calls.create(connection.of(home, tenant), url, pattern or [], secret or made)
    )
    if json:
        render.as_json({**render.plain(created), **({"secret": made} if made else {})})
        return
    render.console().print(f"Webhook {created.webhook_id} is created.")
    if made:
        render.console().print(f"Its secret, which is not shown again: {made}", markup=False)


@commands.command("list")
def show_list(
    home: options.Home = options.HOME, tenant: options.Tenant = options.TENANT, json: options.Json = False
) -> None:
    """List webhooks, the latest first."""
    found = asyncio.run(webhook_calls.webhooks(connection.of(home, tenant)))
    if json:
        render.as_json([render.plain(webhook) for webhook in found])
        return
    rows = [
        (webhook.webhook_id, webhook.url, " ".join(webhook.patterns), _standing(webhook)) for webhook in found
    ]
    render.table("Webhooks", ("webhook", "url", "patterns", "state"), rows)


@commands.command()
def enable(
    webhook: Id,
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    off: Annotated[bool, typer.Option("--off", help="Disable it instead.")] = False,
    json: options.Json = False,
) -> None:
    """Enable a webhook again, or disable it."""
    changed = asyncio.run(webhook_calls.enable(connection.of(home, tenant), webhook, enabled=not off))
    if json:
        render.as_json(render.plain(changed))
    else:
        render.console().print(f"Webhook {changed.webhook_id} is {_standing(changed)}.")


@commands.command()
def delete(
    webhook: Id,
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    json: options.Json = False,
) -> None:
    """Delete a webhook; what it still had to deliver is dropped."""
    asyncio.run(webhook_calls.delete(connection.of(home, tenant), webhook))
    if json:
        render.as_json({"deleted": webhook})
    else:
        render.console().print(f"Webhook {webhook} is deleted.")


@commands.command()
def verify(
    webhook: Id,
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    json: options.Json = False,
) -> None:
    """Post a challenge to the receiver, and tell whether it answered it."""
    outcome = asyncio.run(webhook_calls.verify(connection.of(home, tenant), webhook))
    if json:
        render.as_json(render.plain(outcome))
    elif outcome.verified:
        render.console().print("The receiver answered the challenge.")
    if not outcome.verified and not json:
        raise errors.LocalError(outcome.error, "The answer must be 2xx and hold the posted `challenge`.")


@commands.command("test")
def try_out(
    webhook: Id,
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    json: options.Json = False,
) -> None:
    """Post a trial event to the receiver, and tell what it answered."""
    outcome = asyncio.run(webhook_calls.test(connection.of(home, tenant), webhook))
    if json:
        render.as_json(render.plain(outcome))
    elif outcome.delivered:
        render.console().print(f"The receiver answered {outcome.status_code}.")
    if not outcome.delivered and not json:
        raise errors.LocalError(outcome.error, "The answer must be 2xx, within 10 seconds.")


@commands.command()
def deliveries(
    webhook: Id,
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    json: options.Json = False,
) -> None:
    """List what was posted, the latest first."""
    found = asyncio.run(webhook_calls.deliveries(connection.of(home, tenant), webhook))
    if json:
        render.as_json([render.plain(delivery) for delivery in found])
        return
    states = webhook_pb2.WebhookDeliveryState
    rows = [
        (each.event_id, each.event_name, render.enum_name(states, each.state), each.attempts, each.error)
        for each in found
    ]
    render.table("Deliveries", ("event", "name", "state", "tries", "what was wrong"), rows)


def _standing(webhook: webhook_pb2.Webhook) -> str:
    if webhook.enabled:
        return "enabled"
    return f"disabled: {webhook.disabled_reason}" if webhook.disabled_reason else "disabled"
