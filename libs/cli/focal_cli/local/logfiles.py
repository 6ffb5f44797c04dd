"""Log files of bounded size, one per process."""

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import IO

TAIL_BYTES = 8_000


@dataclass(frozen=True)
class LogFile:
    """A file that a child appends to; at ``limit_bytes`` it moves to ``<name>.1``."""

    path: Path
    limit_bytes: int = 10_000_000

    def open(self) -> IO[bytes]:
        """The file for a new child to append to."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.rotate()
        return self.path.open("ab")

    def rotate(self) -> None:
        """Copy away and empty a file that is over its limit; the child keeps its descriptor.

        Lines written between the copy and the truncation are lost: a log on a laptop may.
        """
        with contextlib.suppress(FileNotFoundError):
            if self.path.stat().st_size > self.limit_bytes:
                shutil.copyfile(self.path, self.path.with_suffix(".log.1"))
                with self.path.open("r+b") as file:
                    file.truncate(0)

    def tail(self, lines: int) -> str:
        """Its last lines, as text."""
        with contextlib.suppress(FileNotFoundError), self.path.open("rb") as file:
            file.seek(max(0, self.path.stat().st_size - TAIL_BYTES))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
        return ""
