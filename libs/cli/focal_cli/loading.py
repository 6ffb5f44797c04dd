"""Commands that are listed by a name and a line, and imported when one of them is called.

All of them together import gRPC, Redis, cryptography and more, which takes longer than most of them run.
"""

import importlib
from typing import Any

import typer
import typer.core
import typer.main

PACKAGE = "focal_cli.commands"


class OnDemand(typer.core.TyperCommand):
    """Stands for the command or the group in the module of its name until somebody calls it.

    A group is the module's `commands`; a single command is the function of the module's name.
    """

    def load(self) -> Any:
        """The command itself, its module imported."""
        name = str(self.name)
        module = importlib.import_module(f"{PACKAGE}.{name}")
        parent = typer.Typer()
        if hasattr(module, "commands"):
            parent.add_typer(module.commands, name=name)
        else:
            parent.command(name)(getattr(module, name))
        return typer.main.get_group(parent).commands[name]

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """The context of the command itself, which parses and is called in place of this one."""
        return self.load().make_context(*args, **kwargs)
