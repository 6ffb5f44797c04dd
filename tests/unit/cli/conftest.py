"""A folder that looks like a running mesh's, with scripted services behind it, and the real command."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from focal_cli.local import home, keys
from tests.unit.cli.forks import Forks, Outcome
from tests.unit.cli.forks import forks as forking


@dataclass(frozen=True)
class Terminal:
    """Runs `focal` on a folder."""

    root: Path
    forks: Forks

    async def focal(self, *arguments: str, stdin: str = "") -> Outcome:
        """Run one command to its end."""
        env = os.environ | {"FOCAL_HOME": str(self.root)}
        # Workers of pytest-xdist have one, and nobody's terminal.
        env.pop("COLUMNS", None)
        return await self.forks.run(arguments, env, stdin, timeout_s=30)


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    with forking() as running:
        yield running


@pytest.fixture
def terminal(tmp_path: Path, forks: Forks) -> Terminal:
    return Terminal(tmp_path / "home", forks)


@dataclass(frozen=True)
class FakeMesh:
    """The folder of a mesh that runs; its services are what the test serves."""

    terminal: Terminal

    def at(self, targets: Mapping[str, str]) -> None:
        """Write where the services are."""
        record = home.Record(
            pid=os.getpid(),
            targets=dict(targets),
            metrics={},
            postgres_url="",
            redis_url="",
            pids={},
        )
        home.Home(self.terminal.root).publish(record)


@pytest.fixture
def fake_mesh(terminal: Terminal) -> Iterator[FakeMesh]:
    place = home.Home(terminal.root)
    with place.hold():
        keys.KeyRing(place.keys).ensure()
        yield FakeMesh(terminal)
