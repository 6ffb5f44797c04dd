"""The folder of a mesh (``.focal/``): who holds it, and where its mesh can be reached.

The lock is a ``flock``, so it leaves with its holder whatever ends it; the record beside it may be
stale and is believed only while the lock is held.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pydantic

from focal_cli.local import errors


class Record(pydantic.BaseModel, frozen=True):
    """What other commands must know of a running mesh; it holds passwords, so it is 0600."""

    pid: int
    targets: dict[str, str]
    """gRPC target by process name."""
    metrics: dict[str, str]
    """Prometheus address by process name."""
    postgres_url: str
    redis_url: str
    pids: dict[str, int]
    addresses: dict[str, str] = {}
    """Addresses of extra processes, such as the demo's order service."""


@dataclass(frozen=True)
class Home:
    """Where a mesh keeps its data, keys and logs."""

    root: Path

    @property
    def logs(self) -> Path:
        """One file per process."""
        return self.root / "logs"

    @property
    def keys(self) -> Path:
        """The signing keys."""
        return self.root / "keys"

    @property
    def data(self) -> Path:
        """The folders of the embedded servers."""
        return self.root / "data"

    @property
    def _record(self) -> Path:
        return self.root / "mesh.json"

    @property
    def _lock(self) -> Path:
        return self.root / "lock"

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the folder while the block runs; raises AlreadyRunning when another does.

        Raises LocalError when the folder cannot be made or written.
        """
        self._make()
        with self._lock.open("a+") as lock:
            if not _take(lock.fileno(), fcntl.LOCK_EX):
                raise self._already_running()
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            self._record.unlink(missing_ok=True)  # of a mesh that was killed
            try:
                yield
            finally:
                self._record.unlink(missing_ok=True)

    def _make(self) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            (self.root / ".gitignore").write_text("*\n")
            self._lock.touch()
        except OSError as error:
            raise errors.LocalError(
                f"{self.root} cannot hold a mesh: {error.strerror}", "Choose another folder with --home."
            ) from None

    def publish(self, record: Record) -> None:
        """Replace the record in one step."""
        draft = self._record.with_suffix(".new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(record.model_dump_json(indent=2))
        draft.replace(self._record)

    def running(self) -> Record:
        """The record of the mesh that runs here; raises NotRunning."""
        try:
            with self._lock.open() as lock:
                held = not _take(lock.fileno(), fcntl.LOCK_SH)
        except (FileNotFoundError, NotADirectoryError):
            held = False
        except OSError as error:
            raise errors.LocalError(
                f"{self.root} cannot be read: {error.strerror}", "Name a folder of yours with --home."
            ) from None
        if held and self._record.exists():
            return Record.model_validate_json(self._record.read_text())
        if held:
            raise errors.NotRunning(
                f"the mesh in {self.root} is still starting", "Try again in a few seconds."
            )
        raise errors.NotRunning(
            f"no mesh runs in {self.root}",
            "Start one with `focal up` in another terminal, or name its folder with --home.",
        )

    def _already_running(self) -> errors.AlreadyRunning:
        pid = int(self._lock.read_text() or 0)
        return errors.AlreadyRunning(
            f"a mesh with pid {pid} already runs in {self.root}",
            f"Use it, stop it with `kill {pid}`, or choose another folder with --home.",
            pid,
        )


def _take(descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
