"""`focal up` with all five services: what it promises to whoever starts, stops and kills it."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest

from focal_cli.local import home
from tests.fakes.until import until

START_TIMEOUT_S = 90
STOP_LIMIT_S = 5


class Up:
    """One `focal up --json`."""

    def __init__(self, process: asyncio.subprocess.Process, root: Path) -> None:
        self.process = process
        self.root = root

    @property
    def record(self) -> home.Record:
        return home.Home(self.root).running()

    async def until_up(self) -> None:
        """Read what it writes until the mesh is up."""
        await self._until(lambda document: "up" in document)

    async def until(self, name: str, phase: str) -> None:
        """Read what it writes until a process is in a phase."""
        await self._until(lambda document: (document.get("process"), document.get("phase")) == (name, phase))

    async def _until(self, wanted: Callable[[dict[str, object]], bool]) -> None:
        assert self.process.stdout is not None
        async with asyncio.timeout(START_TIMEOUT_S):
            while line := await self.process.stdout.readline():
                if wanted(json.loads(line)):
                    return
        pytest.fail("`focal up` ended before what was awaited")

    def family(self) -> list[psutil.Process]:
        """All processes below it."""
        return psutil.Process(self.process.pid).children(recursive=True)

    async def end(self, number: signal.Signals) -> float:
        """Send a signal and wait for its end; returns how long that took, in seconds."""
        began = time.monotonic()
        self.process.send_signal(number)
        async with asyncio.timeout(30):
            await self.process.wait()
        return time.monotonic() - began


@asynccontextmanager
async def up(root: Path, **env: str) -> AsyncIterator[Up]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "focal_cli", "up", "--home", str(root), "--json"),
        env=os.environ | env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Up(process, root)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.communicate()


@asynccontextmanager
async def ready(root: Path, **env: str) -> AsyncIterator[Up]:
    async with up(root, **env) as started:
        await started.until_up()
        yield started


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    _, left = psutil.wait_procs(processes, timeout=5)
    return [each for each in left if each.status() != psutil.STATUS_ZOMBIE]


async def test_a_second_up_on_the_same_folder_names_the_first_and_leaves_it_alone(tmp_path: Path) -> None:
    async with ready(tmp_path) as first:
        before = first.record
        async with up(tmp_path) as second:
            output, _ = await second.process.communicate()
        assert second.process.returncode == 1
        assert f"pid {first.process.pid} " in json.loads(output)["error"]["message"]
        assert first.record == before
        assert all(psutil.pid_exists(pid) for pid in before.pids.values())


async def test_killing_the_supervisor_leaves_no_process_behind(tmp_path: Path) -> None:
    async with ready(tmp_path) as started:
        family = started.family()
        names = {process.name() for process in family}
        assert {"postgres", "valkey-server"} <= names
        assert len(family) > 7  # the server's own children are among them
        await started.end(signal.SIGKILL)
        assert alive(family) == []


async def test_ctrl_c_stops_everything_within_five_seconds(tmp_path: Path) -> None:
    async with ready(tmp_path) as started:
        family = started.family()
        took_s = await started.end(signal.SIGINT)
        assert started.process.returncode == 0
        assert took_s < STOP_LIMIT_S
        assert alive(family) == []
    assert not (tmp_path / "mesh.json").exists()


async def test_a_signal_during_the_start_leaves_nothing_either(tmp_path: Path) -> None:
    async with up(tmp_path) as started:
        await started.until("pipeline", "starting")
        family = started.family()
        assert await started.end(signal.SIGTERM) < STOP_LIMIT_S
        assert alive(family) == []


async def test_a_crashed_service_or_server_is_started_again_at_its_address(tmp_path: Path) -> None:
    async with ready(tmp_path) as started:
        before = started.record
        for name in ("turn_gateway", "postgres", "valkey"):
            os.kill(before.pids[name], signal.SIGKILL)
            await started.until(name, "ready")
            assert started.record.pids[name] != before.pids[name]
        assert started.record.targets == before.targets
        assert started.record.postgres_url == before.postgres_url


async def test_data_survives_a_killed_supervisor(tmp_path: Path) -> None:
    async with ready(tmp_path) as first:
        await execute(first.record.postgres_url, "CREATE TABLE kept AS SELECT 42 AS answer")
        await first.end(signal.SIGKILL)
    async with ready(tmp_path) as second:
        assert await execute(second.record.postgres_url, "SELECT answer FROM kept") == 42


async def test_servers_of_ones_own_replace_the_embedded_ones(
    tmp_path: Path, database: str, redis_url: str
) -> None:
    async with ready(tmp_path, FOCAL_POSTGRES_URL=database, FOCAL_REDIS_URL=redis_url) as started:
        assert started.record.postgres_url == database
        assert {"postgres", "valkey"}.isdisjoint(started.record.pids)
    assert not (tmp_path / "data").exists()


async def execute(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_a_demo_that_is_ended_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    def left(pattern: str) -> list[Path]:
        return list(tmp_path.glob(pattern))

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "focal_cli", "demo", "--json", "--home", str(tmp_path / "none")),
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
    )
    await until(lambda: left("focal-demo-*/mesh.json"), "the mesh of the demo", START_TIMEOUT_S)
    family = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    async with asyncio.timeout(STOP_LIMIT_S):
        output, _ = await process.communicate()
    assert process.returncode == 1
    assert json.loads(output)["holds"] is False
    assert not left("focal-demo-*")
    assert not [each for each in family if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
