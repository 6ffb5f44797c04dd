"""`focal publish`: make a folder of YAML the current version of an agent."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer

from focal.config.v1 import config_admin_service_pb2 as config_admin
from focal.config.v1 import version_pb2
from focal_cli import admin, connection, options, render

COLUMNS = ("where", "reason", "what is wrong")


def publish(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder of the agent.")],
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    note: Annotated[str, typer.Option("--note", help="What changed, for those who read versions.")] = "",
    json: options.Json = False,
) -> None:
    """Validate, compile and publish an agent; every problem is listed with file and line."""
    mesh = connection.of(home, tenant)
    show = _as_json if json else for_people
    if not asyncio.run(follow(admin.publish(mesh, admin.sources(folder), note), show)):
        raise typer.Exit(1)


async def follow(
    progress: AsyncIterator[config_admin.PublishResponse],
    show: Callable[[config_admin.PublishResponse], None],
) -> bool:
    """Show a publication to its end; tells whether the version is current."""
    published = False
    async for event in progress:
        show(event)
        published = event.HasField("published")
    return published


def for_people(event: config_admin.PublishResponse) -> None:
    """Show one step of a publication."""
    match event.WhichOneof("event"):
        case "progress" if event.progress.done:
            stage = render.enum_name(config_admin.PublishStage, event.progress.stage)
            render.console().print(f"  [green]✓[/] {stage.replace('_', ' ')}")
        case "refused":
            problems("The folder was not published", event.refused.problems)
        case "published":
            pointer, unchanged = event.published.pointer, event.published.unchanged
            already = " (it was already)" if unchanged else ""
            render.console().print(f"{pointer.agent_id} is at version {pointer.version}{already}.")
            _changes(event.published.tool_changes)
            if event.published.warnings:
                problems("Warnings", event.published.warnings)


def _changes(changes: Iterable[version_pb2.Difference]) -> None:
    """What is different about the agent's tools; catalogues may be the reason."""
    for each in changes:
        fields = f": {', '.join(each.fields)}" if each.fields else ""
        render.console().print(f"  {each.kind} {each.id} {each.change}{fields}", markup=False)


def _as_json(event: config_admin.PublishResponse) -> None:
    render.as_json(render.plain(event))


def problems(title: str, problems: Iterable[version_pb2.Problem]) -> None:
    """Everything that is wrong, with its place."""
    render.table(title, COLUMNS, [(_where(each), each.reason, each.message) for each in problems])


def _where(problem: version_pb2.Problem) -> str:
    place = [problem.path, *(str(number) for number in (problem.line, problem.column) if number)]
    return ":".join(place)
