"""`focal tenants`: register tenants and list them."""

import asyncio
from typing import Annotated

import typer

from focal.config.v1 import tenant_service_pb2
from focal_cli import admin, connection, options, render

commands = typer.Typer(help="Register tenants, and list them.", no_args_is_help=True)

TIERS = ("free", "pro", "enterprise")


@commands.command()
def add(
    tenant: Annotated[str, typer.Argument(help="Id: letters, digits, _ and -, at most 64.")],
    home: options.Home = options.HOME,
    name: Annotated[str, typer.Option("--name", help="Name for people; the id when left out.")] = "",
    tier: Annotated[str, typer.Option("--tier", help=f"One of {', '.join(TIERS)}.")] = "free",
    json: options.Json = False,
) -> None:
    """Register a tenant."""
    if tier not in TIERS:
        raise typer.BadParameter(f"not one of {', '.join(TIERS)}", param_hint="--tier")
    added = asyncio.run(admin.add_tenant(connection.of(home, tenant), tenant, name, tier))
    if json:
        render.as_json(render.plain(added))
    else:
        render.console().print(f"Tenant {added.tenant_id} is registered.")


@commands.command("list")
def show_list(home: options.Home = options.HOME, json: options.Json = False) -> None:
    """List the tenants."""
    found = asyncio.run(admin.tenants(connection.of(home, "")))
    if json:
        render.as_json([render.plain(tenant) for tenant in found])
    else:
        render.table("Tenants", ("id", "name", "tier"), [_row(tenant) for tenant in found])


def _row(tenant: tenant_service_pb2.Tenant) -> tuple[str, str, str]:
    tier = render.enum_name(tenant_service_pb2.TenantTier, tenant.tier)
    return tenant.tenant_id, tenant.name, tier
