"""Child processes that cannot outlive us.

A child is started through ``launch`` so that the kernel ends it when the thread that started it
dies, also by ``kill -9``. So start them from a thread that outlives them.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True)
class Command:
    """What to run: ``argv[0]`` is an absolute path; ``env`` replaces the whole environment.

    ``user`` and the signal that the child gets when we die are explained in ``launch``.
    ``stop_signal`` asks it to leave; ``stdin`` is fed to it and then closed.
    """

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    user: str = "same"
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    stdin: bytes = b""

    def wrapped(self) -> list[str]:
        """The argument list that binds the program to this process."""
        bound = [str(os.getpid()), str(int(self.death_signal)), self.user]
        return [sys.executable, "-I", "-S", str(LAUNCHER), *bound, "--", *self.argv]


class Child:
    """One started process."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """None while it runs, negative signal number when a signal ended it."""
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens when it has ended."""
        self._process.send_signal(number)

    def wait(self, timeout_s: float) -> int | None:
        """Block until it ends; None when the time is over first."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    async def exited(self) -> int:
        """Wait without blocking the event loop until it ends, and return its exit code."""
        if (code := self.exit_code()) is not None:
            return code
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        descriptor = os.pidfd_open(self.pid)
        loop.add_reader(descriptor, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
        return self._process.wait()

    def stop(self, ask: signal.Signals, grace_s: float) -> None:
        """Ask it to leave, and kill it when it has not left after ``grace_s``."""
        self.send(ask)
        if self.wait(grace_s) is None:
            self.send(signal.SIGKILL)
            self._process.wait()


def start(command: Command, output: IO[bytes] | int) -> Child:
    """Start a child whose standard output and error both go to ``output``."""
    process = subprocess.Popen(
        command.wrapped(),
        env=dict(command.env),
        stdin=subprocess.PIPE if command.stdin else subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        # A session of its own, so that Ctrl-C in the terminal reaches the supervisor alone.
        start_new_session=True,
    )
    if process.stdin is not None:
        process.stdin.write(command.stdin)
        process.stdin.close()
    return Child(process)


def run(command: Command, timeout_s: float) -> tuple[int, str]:
    """Run a command to its end; returns its exit code and what it wrote."""
    finished = subprocess.run(
        command.wrapped(),
        env=dict(command.env),
        input=command.stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout_s,
        check=False,
    )
    return finished.returncode, finished.stdout.decode(errors="replace")
