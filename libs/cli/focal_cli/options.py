"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Home = Annotated[
    Path,
    typer.Option("--home", envvar="FOCAL_HOME", help="Folder of the mesh: data, keys, logs, addresses."),
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON for machines, one document per line.")]
Tenant = Annotated[str, typer.Option("--tenant", envvar="FOCAL_TENANT", help="Tenant that you speak for.")]
Agent = Annotated[str, typer.Option("--agent", envvar="FOCAL_AGENT", help="Id of the agent.")]
Channel = Annotated[str, typer.Option("--channel", help="Channel the customer is on.")]
User = Annotated[str, typer.Option("--user", help="The customer's id on that channel.")]
Patterns = Annotated[
    list[str] | None,
    typer.Option("--pattern", help="Only events of this name, or `tool.*`; may be repeated."),
]

HOME = Path(".focal")
TENANT = "demo"
AGENT = "returns_desk"
CHANNEL = "web"
USER = "ada"
