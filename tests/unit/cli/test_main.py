import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from focal_cli import commands
from focal_cli.__main__ import COMMANDS

HEAVY = ("grpc", "google.protobuf", "cryptography", "redis", "httpx", "mcp")


def test_every_command_is_listed_with_what_it_says_of_itself() -> None:
    said = {command.name: command.load().help.partition("\n\n")[0] for command in COMMANDS}
    assert {command.name: command.help for command in COMMANDS} == said


def test_every_module_of_commands_is_listed() -> None:
    modules = {module.name for module in pkgutil.iter_modules(commands.__path__)}
    assert {command.name for command in COMMANDS} == modules


def test_every_command_argument_and_option_says_what_it_is() -> None:
    def silent(path: str, command: Any) -> Iterator[str]:
        for name, part in getattr(command, "commands", {}).items():
            yield from silent(f"{path} {name}", part)
        if not command.help:
            yield path
        yield from (f"{path} {each.name}" for each in command.params if not each.help)

    assert [name for command in COMMANDS for name in silent(str(command.name), command.load())] == []


def test_the_list_of_commands_imports_nothing_that_only_commands_need() -> None:
    code = (
        "import sys; from focal_cli.__main__ import app; app(['--help'], standalone_mode=False); "
        f"sys.exit(','.join(name for name in {HEAVY} if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert "deliveries" in done.stdout
