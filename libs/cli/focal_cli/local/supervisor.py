"""Keep a set of processes: start in order of need, restart what crashes, stop all in seconds."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from focal_cli.local import errors, keeper, logfiles

SERVICE_GRACE_S = 3.0
SERVER_GRACE_S = 1.0
ROTATE_EVERY_S = 5.0
TAIL_LINES = 12


def ignore(_: keeper.Status) -> None:
    """Listen to nothing."""


class Supervisor:
    """The processes of one mesh, by name."""

    def __init__(
        self,
        processes: Sequence[keeper.Process],
        logs: Path,
        policy: keeper.Policy,
        announce: Callable[[keeper.Status], None] = ignore,
    ) -> None:
        self._keepers: dict[str, keeper.Keeper] = {}
        self._rotation: asyncio.Task[None] | None = None
        for process in processes:
            before = [self._keepers[name] for name in process.after]
            log = logfiles.LogFile(logs / f"{process.name}.log")
            self._keepers[process.name] = keeper.Keeper(process, log, policy, before, announce)

    async def start(self) -> None:
        """Start all and return when all are ready; raises StartFailed with the end of the log."""
        self._rotation = asyncio.create_task(self._rotate(), name="rotate logs")
        for each in self._keepers.values():
            each.start()
        waits = [asyncio.create_task(self.until_ready(name)) for name in self._keepers]
        try:
            await asyncio.gather(*waits)
        finally:
            for wait in waits:
                wait.cancel()

    async def until_ready(self, name: str) -> None:
        """Wait until a process is ready; raises StartFailed when it is given up."""
        each = self._keepers[name]
        if await each.until(keeper.Phase.READY, keeper.Phase.FAILED) is keeper.Phase.FAILED:
            raise errors.StartFailed(
                f"{name} does not start: {each.status.detail}\n{each.log.tail(TAIL_LINES)}",
                f"Read {each.log.path}, then try again; `focal doctor` may know the cause.",
            )

    async def until(self, name: str, *phases: keeper.Phase) -> None:
        """Wait until a process is in one of these phases."""
        await self._keepers[name].until(*phases)

    async def stop(self) -> None:
        """Stop all: what others need leaves last. Takes at most the two graces together."""
        if self._rotation is not None:
            self._rotation.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._rotation
        needed = {name for each in self._keepers.values() for name in each.process.after}
        users = [each for name, each in self._keepers.items() if name not in needed]
        servers = [each for name, each in self._keepers.items() if name in needed]
        await asyncio.gather(*(each.stop(SERVICE_GRACE_S) for each in users))
        await asyncio.gather(*(each.stop(SERVER_GRACE_S) for each in servers))

    async def start_one(self, name: str) -> None:
        """Start a process that was stopped, and wait until it is ready."""
        self._keepers[name].start()
        await self.until_ready(name)

    async def stop_one(self, name: str) -> None:
        """Stop one process and leave it stopped."""
        await self._keepers[name].stop(SERVICE_GRACE_S)

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to one process, as a crash would."""
        self._keepers[name].send(number)

    def status(self, name: str) -> keeper.Status:
        """What is known of one process now."""
        return self._keepers[name].status

    def statuses(self) -> list[keeper.Status]:
        """What is known of all, in their order of start."""
        return [each.status for each in self._keepers.values()]

    async def until_replaced(self, name: str, pid: int) -> None:
        """Wait until a process is ready again under another pid than this one."""
        await self._keepers[name].until(keeper.Phase.READY, not_pid=pid)

    async def _rotate(self) -> None:
        while True:
            await asyncio.sleep(ROTATE_EVERY_S)
            for each in self._keepers.values():
                each.log.rotate()
