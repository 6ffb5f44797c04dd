"""`focal token`: a token for scripts and other clients."""

from typing import Annotated

import typer

from focal_cli import options, render
from focal_cli.local import errors, keys
from focal_cli.local.home import Home


def token(
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    role: Annotated[
        list[str] | None, typer.Option("--role", help="A role to claim, such as admin; may be repeated.")
    ] = None,
    subject: Annotated[str, typer.Option("--subject", help="Who the token stands for.")] = "focal-cli",
    hours: Annotated[float, typer.Option("--hours", min=0.01, help="How long it is good, in hours.")] = 1.0,
    operator: Annotated[
        bool, typer.Option("--operator", help="For an operator, whatever --tenant, --role and --subject say.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Sign a token with the mesh's tenant key and print it."""
    ring = keys.KeyRing(Home(home).keys)
    if not ring.tenant.private.exists():
        raise errors.LocalError(f"{home} holds no keys", "`focal up` makes them at its first start.")
    ttl_s = int(hours * 3600)
    if operator:
        text = ring.operator_token(ttl_s=ttl_s)
    else:
        text = ring.tenant_token(tenant, subject=subject, roles=role or (), ttl_s=ttl_s)
    if json:
        render.as_json({"token": text, "expires_in_s": ttl_s, "gateway": _gateway(Home(home))})
    else:
        print(text)


def _gateway(place: Home) -> str | None:
    """Where the token can be used, when a mesh runs."""
    try:
        return place.running().targets["turn_gateway"]
    except errors.NotRunning:
        return None
