"""`focal tools`: what agents may call, where it comes from, and how it gets there.

One module per subject; this one only puts the commands together.
"""

import typer

from focal_cli.commands.tools import catalogue, importing, showing

commands = typer.Typer(help="See, define and import what agents may call.", no_args_is_help=True)
commands.command("list")(showing.show_list)
commands.command()(showing.describe)
commands.add_typer(catalogue.commands, name="catalogue")
commands.add_typer(importing.commands, name="import")
