"""Keep one process alive: start it, wait until it is ready, start it again when it crashes."""

import asyncio
import contextlib
import dataclasses
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from focal_cli.local import children, logfiles

READY_POLL_S = 0.05
HOPELESS = "ended with exit code 2"  # what a service does when its settings cannot be used


class Phase(StrEnum):
    """Where a process is in its life."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    BACKOFF = "backoff"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True)
class Process:
    """One process to keep.

    ``after`` names the processes that must be ready before it starts. ``is_ready`` is polled and
    answers False to whatever goes wrong.
    """

    name: str
    command: children.Command
    is_ready: Callable[[children.Child], Awaitable[bool]]
    after: tuple[str, ...] = ()
    start_timeout_s: float = 60.0


@dataclass(frozen=True)
class Policy:
    """How restarts go: the delay doubles up to a maximum and is forgiven after a steady time.

    A process that ends ``give_up_after`` times without ever having been ready is FAILED; with the
    exit code of bad settings it is so at once.
    """

    auto_restart: bool = True
    first_delay_s: float = 0.1
    max_delay_s: float = 5.0
    steady_after_s: float = 10.0
    give_up_after: int = 5

    def delay_s(self, crashes: int) -> float:
        """The wait before the start that follows this many crashes in a row (1 or more)."""
        return float(min(self.max_delay_s, self.first_delay_s * 2 ** (crashes - 1)))


@dataclass(frozen=True)
class Status:
    """What is known of a process now; ``since`` is on the monotonic clock, in seconds."""

    name: str
    phase: Phase = Phase.WAITING
    pid: int | None = None
    restarts: int = 0
    since: float = 0.0
    detail: str = ""


class Keeper:
    """Runs one process until it is told to stop."""

    def __init__(
        self,
        process: Process,
        log: logfiles.LogFile,
        policy: Policy,
        before: Sequence["Keeper"],
        announce: Callable[[Status], None],
    ) -> None:
        self.process = process
        self.status = Status(process.name, since=time.monotonic())
        self.log = log
        self._policy = policy
        self._before = before
        self._announce = announce
        self._child: children.Child | None = None
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()

    def start(self) -> None:
        """Begin to keep the process; nothing happens while it is kept already."""
        if self._task is None or self._task.done():
            self.status = Status(self.process.name, since=time.monotonic())
            self._task = asyncio.create_task(self._keep(), name=f"keep {self.process.name}")

    async def stop(self, grace_s: float) -> None:
        """Ask the process to leave, kill it after ``grace_s``, and keep it no longer."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._child is not None:
            await _end(self._child, self.process.command.stop_signal, grace_s)
        await self._set(Phase.STOPPED)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the running process."""
        if self._child is not None:
            self._child.send(number)

    async def until(self, *phases: Phase, not_pid: int | None = None) -> Phase:
        """Wait until the process is in one of these phases, and no longer has the pid ``not_pid``."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: self.status.phase in phases and self.status.pid != (not_pid or -1)
            )
            return self.status.phase

    async def _keep(self) -> None:
        for keeper in self._before:
            await keeper.until(Phase.READY)
        crashes, was_ready = 0, False
        while True:
            started = time.monotonic()
            became_ready, why = await self._run_once()
            was_ready = was_ready or became_ready
            steady = became_ready and time.monotonic() - started > self._policy.steady_after_s
            crashes = 1 if steady else crashes + 1
            if not was_ready and (crashes >= self._policy.give_up_after or why == HOPELESS):
                await self._set(Phase.FAILED, why)
                return
            if not self._policy.auto_restart and was_ready:
                await self._set(Phase.STOPPED, why)
                return
            await self._set(Phase.BACKOFF, why)
            await asyncio.sleep(self._policy.delay_s(crashes))
            self.status = dataclasses.replace(self.status, restarts=self.status.restarts + 1)

    async def _run_once(self) -> tuple[bool, str]:
        """Start the process and wait for its end; tells if it became ready, and why it ended."""
        with self.log.open() as output:
            self._child = child = children.start(self.process.command, output)
        await self._set(Phase.STARTING)
        exited = asyncio.create_task(child.exited(), name=f"exit of {self.process.name}")
        ready = asyncio.create_task(self._poll(child), name=f"readiness of {self.process.name}")
        try:
            timeout_s = self.process.start_timeout_s
            await asyncio.wait([exited, ready], timeout=timeout_s, return_when="FIRST_COMPLETED")
            if ready.done() and not exited.done():
                await self._set(Phase.READY)
            elif not exited.done():
                await _end(child, signal.SIGKILL, 0)
                return False, f"not ready within {timeout_s:g} s"
            return self.status.phase is Phase.READY, _reason(await exited)
        finally:
            await _cancel(exited, ready)

    async def _poll(self, child: children.Child) -> None:

        while not await self.process.is_ready(child):  # noqa: ASYNC110
            await asyncio.sleep(READY_POLL_S)

    async def _set(self, phase: Phase, detail: str = "") -> None:
        alive = phase in (Phase.STARTING, Phase.READY) and self._child is not None
        pid = self._child.pid if alive and self._child is not None else None
        self.status = dataclasses.replace(
            self.status, phase=phase, pid=pid, detail=detail, since=time.monotonic()
        )
        self._announce(self.status)
        async with self._changed:
            self._changed.notify_all()


async def _end(child: children.Child, ask: signal.Signals, grace_s: float) -> None:
    child.send(ask)
    try:
        await asyncio.wait_for(child.exited(), grace_s if ask is not signal.SIGKILL else None)
    except TimeoutError:
        child.send(signal.SIGKILL)
        await child.exited()


async def _cancel(*tasks: asyncio.Task[object]) -> None:
    for task in tasks:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks, return_exceptions=True)


def _reason(code: int) -> str:
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
