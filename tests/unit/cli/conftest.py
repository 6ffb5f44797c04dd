"""A folder that looks like a running mesh's, with scripted services behind it, and the real command."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from focal_cli.local import home, keys


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    output: str
    errors: str

    @property
    def documents(self) -> list[Any]:
        """The JSON documents it wrote."""
        return [json.loads(line) for line in self.output.splitlines()]


@dataclass(frozen=True)
class Terminal:
    """Runs `focal` on a folder."""

    root: Path

    async def focal(self, *arguments: str, stdin: str = "") -> Outcome:
        """Run one command to its end."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "focal_cli", *arguments),
            env=os.environ | {"FOCAL_HOME": str(self.root), "COLUMNS": "200"},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(30):
                output, errors = await process.communicate(stdin.encode())
        finally:
            if process.returncode is None:
                process.kill()
        assert process.returncode is not None
        return Outcome(process.returncode, output.decode(), errors.decode())


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path / "home")


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


@asynccontextmanager
async def serving(add: Any, servicer: Any) -> AsyncIterator[str]:
    """Serve one servicer on a free loopback port; yields the target."""
    server = grpc.aio.server()
    add(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(grace=None)
