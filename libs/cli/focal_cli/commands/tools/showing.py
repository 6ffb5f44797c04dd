"""`focal tools list` and `describe`: the tools of a published version."""

import asyncio
import difflib
from typing import Annotated

import rich.syntax
import typer

from focal.common.v1 import side_effect_policy_pb2
from focal.config.v1 import tool_definition_pb2
from focal.toolbox.v1 import tool_pb2
from focal_cli import connection, options, render, tool_calls, tool_files
from focal_cli.local import errors
from focal_cli.tool_calls import Selection
from focal_kernel import canonical_json

TIERS = ("platform", "tenant", "agent")
COLUMNS = ("tool", "tier", "policy", "enabled", "asks", "provider", "what it does")

Version = Annotated[int, typer.Option("--version", min=0, help="Version of the agent; 0 for the current.")]


def show_list(  # noqa: PLR0913, PLR0917 options are parameters
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    agent: options.Agent = options.AGENT,
    version: Version = 0,
    enabled: Annotated[bool, typer.Option("--enabled", help="Only what the agent may call.")] = False,
    category: Annotated[str, typer.Option("--category", help="Only tools of this category.")] = "",
    tier: Annotated[str, typer.Option("--tier", help=f"Only those of: {', '.join(TIERS)}.")] = "",
    json: options.Json = False,
) -> None:
    """List an agent's tools, those that exist but are not enabled for it included."""
    if tier and tier not in TIERS:
        raise typer.BadParameter(f"not one of {', '.join(TIERS)}", param_hint="--tier")
    selection = Selection(agent, version, enabled, category, tier)
    found = asyncio.run(tool_calls.tools(connection.of(home, tenant), selection))
    if json:
        render.as_json([render.plain(tool) for tool in found])
        return
    render.table(f"Tools of {agent}", COLUMNS, [_row(tool) for tool in found])


def describe(
    name: Annotated[str, typer.Argument(metavar="TOOL", help="Name of the tool.")],
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    agent: options.Agent = options.AGENT,
    version: Version = 0,
    json: options.Json = False,
) -> None:
    """Show everything that an agent's version says about one tool."""
    found = asyncio.run(tool_calls.tools(connection.of(home, tenant), Selection(agent, version)))
    tool = _named(found, name, agent)
    if json:
        render.as_json(render.plain(tool))
        return
    render.table(tool.name, ("", ""), [row for row in _facts(tool) if row[1] != ""])
    schema = canonical_json.loads(tool.parameter_schema_json or "{}")
    console = render.console()
    console.print("\nArguments (JSON Schema)")
    text = tool_files.dumped(schema)
    console.print(rich.syntax.Syntax(text, "yaml", background_color="default"))


def _named(found: list[tool_pb2.Tool], name: str, agent: str) -> tool_pb2.Tool:
    for tool in found:
        if tool.name == name:
            return tool
    near = difflib.get_close_matches(name, [tool.name for tool in found], n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise errors.LocalError(f"{agent} has no tool {name!r}", f"{hint}`focal tools list` shows all.")


def _row(tool: tool_pb2.Tool) -> tuple[object, ...]:
    return (
        tool.name,
        _tier(tool),
        _policy(tool),
        "yes" if tool.enabled else "no",
        "yes" if tool.requires_confirmation else "",
        tool.provider,
        render.short(tool.description),
    )


def _facts(tool: tool_pb2.Tool) -> list[tuple[str, object]]:
    """What `describe` shows; what a tool does not have is an empty text."""
    return [
        ("what it does", tool.description),
        ("comes from", _tier(tool)),
        ("policy", _policy(tool)),
        ("may be called", "yes" if tool.enabled else "no: it exists, but is not enabled for this agent"),
        ("asks the customer", tool.confirmation_prompt or ("yes" if tool.requires_confirmation else "")),
        ("business key", ", ".join(tool.business_key_fields)),
        ("provider", tool.provider),
        ("undone by", tool.compensation_tool),
        ("doubts settled by", tool.check_tool),
        ("result usable again", f"{tool.fresh_ms} ms" if tool.fresh_ms else ""),
        ("result comes later", "yes" if tool.asynchronous else ""),
        ("time limit", f"{tool.timeout_ms} ms" if tool.timeout_ms else "the toolbox's"),
        ("categories", ", ".join(tool.categories)),
    ]


def _tier(tool: tool_pb2.Tool) -> str:
    return render.enum_name(tool_definition_pb2.ToolTier, tool.tier)


def _policy(tool: tool_pb2.Tool) -> str:
    return render.enum_name(side_effect_policy_pb2.SideEffectPolicy, tool.policy)
