"""What a mesh shows of its processes: a live table, plain lines, or JSON lines."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import rich.console
import rich.live
import rich.table

from focal_cli.local import home, keeper

COLOURS = {
    keeper.Phase.READY: "green",
    keeper.Phase.BACKOFF: "red",
    keeper.Phase.FAILED: "red",
    keeper.Phase.STOPPED: "dim",
}
SPOKEN_OF = (keeper.Phase.READY, keeper.Phase.BACKOFF, keeper.Phase.FAILED)
REFRESHES_PER_S = 2


class Board(Protocol):
    """Takes every change of every process."""

    def announce(self, status: keeper.Status) -> None:
        """A process has changed."""

    def up(self, record: home.Record) -> None:
        """All are ready."""


class JsonLines:
    """One object per change, for machines."""

    def announce(self, status: keeper.Status) -> None:
        """Write what changed."""
        fields = {"process": status.name, "phase": status.phase, "pid": status.pid}
        self._write(fields | {"restarts": status.restarts, "detail": status.detail})

    def up(self, record: home.Record) -> None:
        """Write where the mesh is; the passwords stay in its folder."""
        self._write({"up": record.model_dump(exclude={"postgres_url", "redis_url"})})

    def _write(self, value: object) -> None:
        print(json.dumps(value), flush=True)


class PlainLines:
    """One line per change, for logs and pipes."""

    def announce(self, status: keeper.Status) -> None:
        """Write what changed."""
        pid = f" (pid {status.pid})" if status.pid else ""
        detail = f": {status.detail}" if status.detail else ""
        print(f"{status.name:<16} {status.phase}{pid}{detail}", flush=True)

    def up(self, record: home.Record) -> None:
        """Write where the mesh is."""
        print(invitation(record), flush=True)


class ReadyLines(PlainLines):
    """One line per process that became ready, or has trouble to."""

    def announce(self, status: keeper.Status) -> None:
        """Write what a person waits for."""
        if status.phase in SPOKEN_OF:
            super().announce(status)


class Silent:
    """Nothing at all, where the output belongs to someone else."""

    def announce(self, status: keeper.Status) -> None:
        """Keep silent."""

    def up(self, record: home.Record) -> None:
        """Keep silent."""


class LiveTable:
    """A table that follows the processes, for a terminal."""

    def __init__(self, console: rich.console.Console) -> None:
        self._console = console
        self._statuses: dict[str, keeper.Status] = {}

    def announce(self, status: keeper.Status) -> None:
        """Show what changed at the next refresh."""
        self._statuses[status.name] = status

    def up(self, record: home.Record) -> None:
        """Write above the table where the mesh is."""
        self._console.print(invitation(record), highlight=False)

    def __rich__(self) -> rich.table.Table:
        table = rich.table.Table("process", "state", "pid", "for", "restarts", "", show_edge=False)
        for status in self._statuses.values():
            colour = COLOURS.get(status.phase, "yellow")
            table.add_row(
                status.name,
                f"[{colour}]{status.phase}[/]",
                str(status.pid or ""),
                _duration(time.monotonic() - status.since),
                str(status.restarts or ""),
                status.detail,
            )
        return table


@contextmanager
def for_output(as_json: bool) -> Iterator[Board]:
    """The board that suits standard output."""
    if as_json:
        yield JsonLines()
    elif not sys.stdout.isatty():
        yield PlainLines()
    else:
        console = rich.console.Console()
        table = LiveTable(console)
        with rich.live.Live(table, console=console, refresh_per_second=REFRESHES_PER_S):
            yield table


def invitation(record: home.Record) -> str:
    """What a person can do with a mesh that is up."""
    return f"The mesh is up; its gateway is {record.targets['turn_gateway']}. Ctrl-C stops it."


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
