"""`focal channels`: how Focal behaves on each channel."""

import asyncio
from typing import Annotated

import typer
from google.protobuf import json_format

from focal.turn.v1 import channel_pb2
from focal_cli import admin, connection, options, render

commands = typer.Typer(help="See and change how Focal behaves on each channel.", no_args_is_help=True)

ForAgent = Annotated[str, typer.Option("--agent", help="Only for this agent; all agents when left out.")]
ALL = "all"
OnChannel = Annotated[str, typer.Argument(metavar="CHANNEL", help=f"Channel, or `{ALL}` for every one.")]
FIELDS = tuple(field.name for field in channel_pb2.ChannelPolicy.DESCRIPTOR.fields)
SHOWN = ("window_ms", "max_messages_per_minute", "natural_delay_ms", "split", "markup")


@commands.command("list")
def show_list(
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    agent: ForAgent = "",
    json: options.Json = False,
) -> None:
    """List channels with their policies, and the overrides that made them so."""
    found = asyncio.run(admin.channels_of(connection.of(home, tenant), agent))
    if json:
        render.as_json(render.plain(found))
        return
    columns = ("channel", "longest", *(name.replace("_", " ") for name in SHOWN), "fallback")
    render.table("Channels", columns, [_row(channel) for channel in found.channels])
    if found.overrides:
        columns = ("channel", "agent", "sets")
        render.table("Overrides", columns, [_override(override) for override in found.overrides])


@commands.command("set")
def set_fields(
    channel: OnChannel,
    fields: Annotated[
        list[str],
        typer.Argument(
            metavar="FIELD=VALUE…",
            help=f"Such as split=false or window_ms=800; the fields are {', '.join(FIELDS)}.",
        ),
    ],
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    agent: ForAgent = "",
    json: options.Json = False,
) -> None:
    """Set fields of a policy, for the tenant or one of its agents."""
    policy = channel_pb2.ChannelPolicy()
    for each in fields:
        _set(policy, each)
    where = "" if channel == ALL else channel
    override = channel_pb2.ChannelPolicyOverride(agent_id=agent, channel=where, policy=policy)
    _stands(asyncio.run(admin.put_channel_policy(connection.of(home, tenant), override)), json=json)


@commands.command()
def unset(
    channel: OnChannel,
    fields: Annotated[
        list[str] | None, typer.Argument(metavar="[FIELD…]", help="Fields to take out; all when left out.")
    ] = None,
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    agent: ForAgent = "",
    json: options.Json = False,
) -> None:
    """Take fields out of a policy, so that what is more general counts again."""
    where = "" if channel == ALL else channel
    mesh = connection.of(home, tenant)
    _stands(asyncio.run(admin.delete_channel_policy(mesh, agent, where, fields or [])), json=json)


def _set(policy: channel_pb2.ChannelPolicy, assignment: str) -> None:
    name, equals, value = assignment.partition("=")
    if not equals or name not in FIELDS:
        raise typer.BadParameter(
            f"write FIELD=VALUE; the fields are {', '.join(FIELDS)}", param_hint=assignment
        )
    kind = policy.DESCRIPTOR.fields_by_name[name]
    written: object = value
    if kind.type == kind.TYPE_BOOL and value in {"true", "false"}:
        written = value == "true"
    elif kind.enum_type is not None:
        written = f"SUPERSEDE_ACTION_{value.upper()}"
    try:
        json_format.ParseDict({name: written}, policy)
    except json_format.ParseError:
        raise typer.BadParameter(f"{value!r} is no value of {name}", param_hint=assignment) from None


def _stands(override: channel_pb2.ChannelPolicyOverride, *, json: bool) -> None:
    if json:
        render.as_json(render.plain(override))
        return
    channel, agent, fields = _override(override)
    render.console().print(f"On {channel}, for {agent}: {fields or 'nothing is overridden'}.", markup=False)


def _row(channel: channel_pb2.Channel) -> tuple[object, ...]:
    policy = channel.policy
    longest = policy.max_chars or channel.capability.max_chars or "unlimited"
    shown = (getattr(policy, name) for name in SHOWN)
    return channel.name, longest, *shown, channel.capability.fallback or "none"


def _override(override: channel_pb2.ChannelPolicyOverride) -> tuple[str, str, str]:
    fields = render.plain(override.policy)
    sets = ", ".join(f"{name}={value}" for name, value in fields.items())
    return override.channel or "all channels", override.agent_id or "all agents", sets
