"""`focal tools catalogue`: the tools of the platform and of the tenant, which agents need not define."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from focal.common.v1 import side_effect_policy_pb2
from focal.config.v1 import tool_catalogue_service_pb2 as pb
from focal.config.v1 import tool_definition_pb2, version_pb2
from focal_cli import admin, catalogue_calls, connection, options, render, tool_files
from focal_cli.catalogue_calls import TIERS
from focal_cli.commands import publish
from focal_kernel import canonical_json

commands = typer.Typer(
    help="Tools of the platform and the tenant, for agents to share.", no_args_is_help=True
)

COLUMNS = ("tool", "tier", "policy", "enabled", "provider", "what it does")

Tier = Annotated[str, typer.Option("--tier", help=f"Whose catalogue: {' or '.join(TIERS)}.")]
Name = Annotated[str, typer.Argument(metavar="TOOL", help="Name of the tool.")]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A file such as tools.yaml.")]
Changes = Annotated[
    Path | None,
    typer.Option(
        "--with",
        exists=True,
        dir_okay=False,
        help="YAML file: http or config of its own, and what an activation may say.",
    ),
]


@commands.command("list")
def show_list(
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    tier: Tier = catalogue_calls.TENANT,
    json: options.Json = False,
) -> None:
    """List what a catalogue holds; the tenant's shows what it has adopted, too."""
    found = asyncio.run(catalogue_calls.tools(connection.of(home, tenant), _known(tier)))
    if json:
        render.as_json([render.plain(tool) for tool in found])
        return
    render.table(f"Catalogue of the {tier}", COLUMNS, [_row(tool) for tool in found])


@commands.command()
def show(
    name: Name,
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    tier: Tier = catalogue_calls.TENANT,
    json: options.Json = False,
) -> None:
    """Show a tool as YAML, ready for a tools.yaml."""
    tool = asyncio.run(catalogue_calls.tool(connection.of(home, tenant), _known(tier), name))
    if json:
        render.as_json(render.plain(tool))
        return
    definition = {tool.name: canonical_json.loads(tool.definition_json)}
    comments = [f"{_tier(tool)}, changed by {tool.changed_by} at {tool.changed_at.ToJsonString()}"]
    if tool.changes_json:
        comments.append(f"the tenant changes {tool.changes_json}")
    comments += [f"cannot be used: {problem.message}" for problem in tool.problems]
    text = "".join(f"# {comment}\n" for comment in comments) + tool_files.dumped(definition)
    render.console().print(text, markup=False, end="")


@commands.command()
def put(
    file: File,
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    tier: Tier = catalogue_calls.TENANT,
    json: options.Json = False,
) -> None:
    """Define every tool of a file, all of them or, with one error, none."""
    source = version_pb2.SourceFile(path=file.name, content=admin.text(file))
    answer = asyncio.run(catalogue_calls.put(connection.of(home, tenant), _known(tier), source))
    if json:
        render.as_json(render.plain(answer))
    else:
        _stands(answer.tools, answer.problems, f"in the catalogue of the {tier}")
    if not answer.tools:
        raise typer.Exit(1)


@commands.command()
def adopt(
    name: Name,
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    changes: Changes = None,
    json: options.Json = False,
) -> None:
    """Make a tool of the platform available to the tenant, with its own provider configuration if need be."""
    source = version_pb2.SourceFile(
        path=changes.name if changes else "", content=admin.text(changes) if changes else ""
    )
    answer = asyncio.run(catalogue_calls.adopt(connection.of(home, tenant), name, source))
    adopted = [answer.tool] if answer.HasField("tool") else []
    if json:
        render.as_json(render.plain(answer))
    else:
        _stands(adopted, answer.problems, "adopted from the platform")
    if not adopted:
        raise typer.Exit(1)


@commands.command()
def delete(
    name: Name,
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    tier: Tier = catalogue_calls.TENANT,
    json: options.Json = False,
) -> None:
    """Take a tool out of a catalogue; published versions keep it."""
    asyncio.run(catalogue_calls.delete(connection.of(home, tenant), _known(tier), name))
    if json:
        render.as_json({"deleted": name})
        return
    render.console().print(f"{name} is no longer in the catalogue of the {tier}.", markup=False)


def _known(tier: str) -> str:
    if tier not in TIERS:
        raise typer.BadParameter(f"not one of {', '.join(TIERS)}", param_hint="--tier")
    return tier


def _stands(tools: Iterable[pb.CatalogueTool], problems: Iterable[version_pb2.Problem], where: str) -> None:
    names = [tool.name for tool in tools]
    if names:
        said = "Agents get it" if len(names) == 1 else "Agents get them"
        render.console().print(f"{', '.join(names)}: {where}. {said} when they are published.", markup=False)
    if problems := list(problems):
        publish.problems("Warnings" if names else "Nothing was stored", problems)


def _row(tool: pb.CatalogueTool) -> tuple[object, ...]:
    return (
        tool.name,
        _tier(tool),
        render.enum_name(side_effect_policy_pb2.SideEffectPolicy, tool.policy),
        "cannot be used" if tool.problems else "yes" if tool.enabled else "not enabled",
        tool.provider,
        render.short(tool.description),
    )


def _tier(tool: pb.CatalogueTool) -> str:
    tier = render.enum_name(tool_definition_pb2.ToolTier, tool.tier)
    return f"{tier} (adopted)" if tool.adopted else tier
