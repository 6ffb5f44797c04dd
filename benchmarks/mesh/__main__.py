"""`make bench`: starts everything, measures, prints, stops everything."""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks.mesh import echo_chain, load, report, turns

HOPS = 3
FIRST_TEXT_TURNS = 50
FILE_WIDTH = 150


def main() -> None:
    """Measure as the options say."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8, help="length of each load, seconds")
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 8, 32], help="sessions at once")
    parser.add_argument("--rules", type=int, nargs="+", default=[10, 500], help="rules of the agent")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = parser.parse_args()
    console = _console(to_stderr=options.json)
    echo, measured = asyncio.run(_measure(options, console))
    if options.json:
        print(json.dumps(report.as_json(echo, measured), indent=2))
    else:
        report.show(console, echo, measured)


def _console(*, to_stderr: bool) -> Console:
    """Tables keep their columns when the output is a file."""
    console = Console(stderr=to_stderr)
    return console if console.is_terminal else Console(stderr=to_stderr, width=FILE_WIDTH)


async def _measure(
    options: argparse.Namespace, console: Console
) -> tuple[list[load.Load], list[turns.Measured]]:
    console.print("[dim]echo chain …")
    echo = await _echo(options)
    measured = []
    for with_model in (True, False):
        with tempfile.TemporaryDirectory(prefix="focal-bench-", dir="/tmp") as home:
            async with turns.running(Path(home), with_model=with_model) as bench:
                rules_wanted = options.rules if with_model else options.rules[:1]
                for rules in rules_wanted:
                    console.print(f"[dim]turns with {rules} rules, {bench.model} …")
                    measured += await _turns(bench, rules, options)
    return echo, measured


async def _echo(options: argparse.Namespace) -> list[load.Load]:
    async with echo_chain.running(HOPS) as (target, _), echo_chain.caller(target) as say:

        async def step(_session: int, number: int) -> None:
            await say(b"hello %d" % number)

        seconds = options.seconds / 4
        return [await load.run(step, sessions=sessions, seconds=seconds) for sessions in options.sessions]


async def _turns(bench: turns.Bench, rules: int, options: argparse.Namespace) -> list[turns.Measured]:
    await bench.publish(rules)
    measured = [
        await bench.measure(rules=rules, sessions=sessions, seconds=options.seconds)
        for sessions in options.sessions
    ]
    measured[0].first_text_ms = await bench.first_texts(FIRST_TEXT_TURNS)
    return measured


if __name__ == "__main__":
    main()
