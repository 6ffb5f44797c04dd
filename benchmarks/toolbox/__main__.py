"""The toolbox's part of `make bench`: starts what it needs, measures, prints, stops everything."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import uvloop
from rich.console import Console

from benchmarks.mesh import echo_chain, load
from benchmarks.toolbox import desk, measuring, provider, report

ECHO_S = 2
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
    echo, overheads, flood = uvloop.run(_measure(options, console))
    if options.json:
        print(json.dumps(report.as_json(echo, overheads, flood), indent=2))
    else:
        report.show(console, echo, overheads, flood)
    if not flood.once:
        raise SystemExit(1)


async def _measure(
    options: argparse.Namespace, console: Console
) -> tuple[load.Load, Sequence[measuring.Overhead], measuring.Sustained]:
    console.print("[dim]echo …")
    echo = await _echo()
    with tempfile.TemporaryDirectory(prefix="focal-bench-", dir="/tmp") as home:
        async with (
            provider.running() as (url, pid),
            provider.direct(url) as direct,
            desk.running(Path(home), url, pid) as running,
        ):
            console.print("[dim]single calls …")
            overheads = [
                await measuring.overhead(running, direct, tool, options.calls)
                for tool in (desk.READ, desk.PAY)
            ]
            console.print("[dim]sustained load …")
            flood = await measuring.sustained(running, direct, options.callers, options.seconds)
    return echo, overheads, flood


async def _echo() -> load.Load:
    async with echo_chain.running(1) as (target, _), echo_chain.caller(target) as say:

        async def step(_session: int, number: int) -> None:
            await say(b"hello %d" % number)

        return await load.run(step, sessions=1, seconds=ECHO_S)


if __name__ == "__main__":
    main()
