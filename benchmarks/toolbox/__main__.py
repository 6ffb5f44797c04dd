"""The toolbox's part of `make bench`: starts what it needs, measures, prints, stops everything."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import uvloop
from rich.console import Console

from benchmarks import counterparts
from benchmarks.mesh import echo_chain
from benchmarks.toolbox import desk, empty_call, measuring, provider, report

FILE_WIDTH = 150


def main() -> None:
    """Measure as the options say; status 1 when an effect did not happen exactly once."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.toolbox", description=__doc__)
    parser.add_argument("--calls", type=int, default=500, help="single calls of each kind")
    parser.add_argument("--seconds", type=float, default=20, help="length of the sustained load, seconds")
    parser.add_argument("--callers", type=int, default=16, help="sessions at once in the sustained load")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = parser.parse_args()
    console = Console(stderr=options.json)
    if not console.is_terminal:
        console = Console(stderr=options.json, width=FILE_WIDTH)
    overheads, flood = uvloop.run(_measure(options, console))
    if options.json:
        print(json.dumps(report.as_json(overheads, flood), indent=2))
    else:
        report.show(console, overheads, flood)
    if not flood.once:
        raise SystemExit(1)


async def _measure(
    options: argparse.Namespace, console: Console
) -> tuple[Sequence[measuring.Overhead], measuring.Sustained]:
    with tempfile.TemporaryDirectory(prefix="focal-bench-", dir="/tmp") as home:
        async with (
            echo_chain.running(1) as (echo, _),
            counterparts.running(empty_call.MODULE) as (empty, _),
            provider.running() as (url, pid),
            provider.direct(url) as direct,
            desk.running(Path(home), url, pid) as running,
        ):
            console.print("[dim]single calls …")
            async with echo_chain.caller(echo) as say, empty_call.caller(empty) as execute:
                floor = measuring.Floor(lambda: say(b"hello"), execute)
                overheads = [
                    await measuring.overhead(running, direct, floor, tool, options.calls)
                    for tool in (desk.READ, desk.PAY)
                ]
            console.print("[dim]sustained load …")
            flood = await measuring.sustained(running, direct, options.callers, options.seconds)
    return overheads, flood


if __name__ == "__main__":
    main()
