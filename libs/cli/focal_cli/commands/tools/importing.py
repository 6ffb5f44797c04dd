"""`focal tools import`: definitions from an OpenAPI document or an MCP server, for a person to review.

What reads them takes a second to import, so each command imports its own and no other command waits.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import rich.console
import typer

from focal.config.v1 import version_pb2
from focal_cli import catalogue_calls, connection, options, tool_files
from focal_cli.catalogue_calls import TIERS
from focal_cli.commands import publish
from focal_cli.importing import names
from focal_cli.importing.reviewing import Imported
from focal_cli.local import errors

commands = typer.Typer(
    help="Make tool definitions from what an API or an MCP server says of itself.", no_args_is_help=True
)

SOURCE = "tools.yaml"

Out = Annotated[
    Path | None, typer.Option("--out", dir_okay=False, help="File to write; else standard output.")
]
Force = Annotated[bool, typer.Option("--force", help="Write over the file of --out.")]
Into = Annotated[
    str, typer.Option("--catalogue", help=f"Store them in a catalogue, too: {' or '.join(TIERS)}.")
]


@dataclass(frozen=True)
class Target:
    """Where definitions go."""

    out: Path | None
    force: bool
    catalogue: str
    home: Path
    tenant: str

    def check(self) -> None:
        """Refuse what would fail after the work is done."""
        if self.catalogue and self.catalogue not in TIERS:
            raise typer.BadParameter(f"not one of {', '.join(TIERS)}", param_hint="--catalogue")
        if self.out and self.out.exists() and not self.force:
            raise errors.LocalError(f"{self.out} exists", "Name another file, or add --force.")

    def take(self, made: Imported) -> None:
        """Write the file, and store it where asked; exit 1 when a catalogue refuses it."""
        text = tool_files.rendered(made.head, made.tools)
        if self.out:
            self.out.write_text(text, encoding="utf-8")
        elif not self.catalogue:
            print(text, end="")
        _tell(made)
        if self.catalogue:
            self._store(text)

    def _store(self, text: str) -> None:
        mesh = connection.of(self.home, self.tenant)
        source = version_pb2.SourceFile(path=SOURCE, content=text)
        answer = asyncio.run(catalogue_calls.put(mesh, self.catalogue, source))
        if answer.problems:
            publish.problems("Warnings" if answer.tools else "Nothing was stored", answer.problems)
        if not answer.tools:
            raise typer.Exit(1)
        _console().print(f"Stored in the catalogue of the {self.catalogue}.", markup=False)


def _tell(made: Imported) -> None:
    """To standard error, because the definitions may go to standard output."""
    waiting = sum(1 for tool in made.tools if tool.keys.get("enabled") is False)
    console = _console()
    console.print(f"{len(made.tools)} tools, {waiting} of them not enabled before you have reviewed them.")
    for each in made.left_out:
        console.print(f"Left out: {each}", markup=False)


def _console() -> rich.console.Console:
    return rich.console.Console(stderr=True, highlight=False, soft_wrap=True)


@commands.command()
def openapi(
    source: Annotated[str, typer.Argument(metavar="FILE|URL", help="OpenAPI 3.0 or 3.1, JSON or YAML.")],
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    name: Annotated[
        str, typer.Option("--name", help="What its settings are named after; its title when left out.")
    ] = "",
    out: Out = None,
    force: Force = False,
    catalogue: Into = "",
) -> None:
    """Write the operations of an OpenAPI document as tools.yaml."""
    from focal_cli.importing import document, operations

    target = Target(out, force, catalogue, home, tenant)
    target.check()
    target.take(operations.imported(document.read(source), name))


@commands.command()
def mcp(  # noqa: PLR0913, PLR0917 options are parameters
    command: Annotated[str, typer.Option("--command", help="Command that starts the server (stdio).")] = "",
    url: Annotated[str, typer.Option("--url", help="Address of a running server (streamable HTTP).")] = "",
    environment: Annotated[
        list[str] | None,
        typer.Option("--env", help="Environment variable to hand to --command; may be repeated."),
    ] = None,
    token: Annotated[
        str, typer.Option("--token-env", help="Environment variable that holds the token for --url.")
    ] = "",
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    name: Annotated[
        str, typer.Option("--name", help="Its name in the toolbox's settings; its own when left out.")
    ] = "",
    out: Out = None,
    force: Force = False,
    catalogue: Into = "",
) -> None:
    """Write the tools that an MCP server lists as tools.yaml."""
    from focal_cli.importing import mcp_tools

    if bool(command) == bool(url):
        raise typer.BadParameter("give one of them", param_hint="--command, --url")
    target = Target(out, force, catalogue, home, tenant)
    target.check()
    if command:
        server: Any = mcp_tools.stdio(command, environment or ())
    else:
        server = mcp_tools.http(url, mcp_tools.secret(token) if token else "")
    said, tools = asyncio.run(mcp_tools.listed(server))
    target.take(mcp_tools.imported(name or names.tool(said, ()), tools))
