"""A toolbox as a process of its own, to be killed, frozen and thawed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fakes import in_process

START_S = 20.0


@dataclass
class ToolboxProcess:
    """A started process and where it listens."""

    process: asyncio.subprocess.Process
    target: str

    def kill(self) -> None:
        self.process.kill()

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)


@asynccontextmanager
async def started(
    folder: Path,
    *,
    deployment: in_process.Deployment,
    database: str,
    config_watcher: str,
    provider_url: str,
) -> AsyncIterator[ToolboxProcess]:
    """`python -m focal_toolbox`; killed at the end if the test has not done so."""
    port_file = folder / "port"
    settings = {
        **deployment.write(folder),
        "GRPC__LISTEN": "127.0.0.1:0",
        "GRPC__PORT_FILE": str(port_file),
        "METRICS__LISTEN": "",
        "POSTGRES__URL": database,
        "POSTGRES__MIGRATE_ON_START": "false",
        "PEERS__CONFIG_WATCHER": config_watcher,
        "VARIABLES__PROVIDER": provider_url,
        "OUTBOUND__NETWORKS": '["127.0.0.0/8"]',
        "INSTANCE__HEARTBEAT_S": "0.1",
        "INSTANCE__LEASE_S": "1",
        "INSTANCE__SEND_WITHIN_S": "0.9",
        "INSTANCE__SWEEP_S": "0.1",
        "CHECK__TRIES": "0",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "focal_toolbox",
        env={**os.environ, **{f"FOCAL_TOOLBOX__{name}": value for name, value in settings.items()}},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(START_S):
            while not port_file.exists():
                assert process.returncode is None, "the toolbox did not start"
                await asyncio.sleep(0.02)
        yield ToolboxProcess(process, f"127.0.0.1:{port_file.read_text()}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
