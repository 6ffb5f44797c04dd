"""A process that has imported all of `focal` and forks per command: a start costs milliseconds, not a second.

`python -m tests.unit.cli.forks SOCKET` serves; `Forks` is its caller.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[3]
LONGEST_REQUEST = 1 << 20


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
class Forks:
    """The caller's side; `address` is the server's Unix socket."""

    address: Path

    async def run(
        self, arguments: Sequence[str], env: Mapping[str, str], stdin: str, timeout_s: float
    ) -> Outcome:
        """Run `focal` with the arguments, in exactly this environment."""
        with (
            tempfile.TemporaryFile() as given,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            given.write(stdin.encode())
            given.seek(0)
            code = await asyncio.to_thread(self._ended, arguments, env, (given, out, err), timeout_s)
            return Outcome(code, _text(out), _text(err))

    def _ended(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str],
        files: Sequence[IO[bytes]],
        timeout_s: float,
    ) -> int:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as talk:
            talk.settimeout(timeout_s)
            talk.connect(str(self.address))
            request = json.dumps({"arguments": list(arguments), "env": dict(env)}).encode()
            socket.send_fds(talk, [request], [file.fileno() for file in files])
            return int(talk.recv(64))


@contextmanager
def forks() -> Iterator[Forks]:
    """A server that runs meanwhile."""
    with tempfile.TemporaryDirectory(prefix="focal-forks-", dir="/tmp") as folder:
        address = Path(folder) / "socket"
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.cli.forks", str(address)], cwd=ROOT, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"ready\n"
            yield Forks(address)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def _serve(address: str) -> None:
    from focal_cli.__main__ import COMMANDS, main

    for command in COMMANDS:
        command.load()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(address)
        listening.listen()
        os.write(1, b"ready\n")
        while True:
            talk, _ = listening.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listening.close()
                _answer(talk, main)
                os._exit(0)
            talk.close()


def _answer(talk: socket.socket, main: Callable[[], None]) -> None:
    request, files, _, _ = socket.recv_fds(talk, LONGEST_REQUEST, 3)
    asked = json.loads(request)
    pid = os.fork()
    if pid == 0:
        talk.close()
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os.environ.clear()
        os.environ.update(asked["env"])
        sys.argv[1:] = asked["arguments"]
        main()
    _, status = os.waitpid(pid, 0)
    talk.send(str(os.waitstatus_to_exitcode(status)).encode())


if __name__ == "__main__":
    _serve(sys.argv[1])
