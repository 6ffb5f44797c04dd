"""`python -m benchmarks.limits NAME`: start what is needed, measure, print, stop everything."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from typing import Any

from benchmarks.limits import burst, clients, fairness, restart, streams


def main() -> None:
    """Measure as the options say."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.limits", description=__doc__)
    chosen = parser.add_subparsers(dest="what", required=True)
    _fairness(chosen.add_parser("fairness", help="a quiet tenant beside one that floods"))
    _streams(chosen.add_parser("streams", help="thousands of open conversations"))
    _burst(chosen.add_parser("burst", help="thousands of messages into one session"))
    _clients(chosen.add_parser("clients", help="clients that never read, clients that vanish"))
    _restart(chosen.add_parser("restart", help="a gateway that is alone, killed"))
    options = parser.parse_args()
    print(json.dumps({"cores": os.cpu_count(), **asyncio.run(options.measure(options))}, indent=2))


def _fairness(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=8, help="length of each phase, seconds")
    parser.add_argument("--rounds", type=int, default=3, help="times alone and beside the flood")
    parser.add_argument("--quiet", type=float, default=5, help="messages a second of the quiet tenant")
    parser.add_argument("--flood", type=float, default=100, help="messages a second of the flooding one")
    parser.add_argument("--tier", default="pro", choices=("free", "pro", "enterprise"), help="of the flood")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION__FIELD=VALUE")
    parser.set_defaults(measure=_measure_fairness)


async def _measure_fairness(options: argparse.Namespace) -> dict[str, Any]:
    settings = {
        f"FOCAL_TURN_GATEWAY__{name}": value
        for name, _, value in (each.partition("=") for each in options.set)
    }
    plan = fairness.Plan(
        options.seconds, options.rounds, options.quiet, options.flood, options.tier, settings
    )
    return (await fairness.measure(plan)).as_json(plan)


def _streams(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--streams", type=int, default=5000, help="open at once")
    parser.add_argument("--shared", type=int, default=1, help="streams per connection")
    parser.add_argument("--talked", type=int, default=5000, help="streams whose customer has written")
    parser.add_argument("--idle", type=float, default=10, help="seconds in which nobody says anything")
    parser.add_argument("--grace", type=float, default=3, help="seconds the gateway has to stop")
    parser.set_defaults(measure=_measure_streams)


async def _measure_streams(options: argparse.Namespace) -> dict[str, Any]:
    talked = min(options.talked, options.streams)
    plan = streams.Plan(options.streams, options.shared, talked, options.idle, options.grace)
    return await streams.measure(plan)


def _burst(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--messages", type=int, default=10_000, help="into one session")
    parser.add_argument("--at-once", type=int, default=100, help="on their way at any time")
    parser.set_defaults(measure=lambda chosen: burst.measure(burst.Plan(chosen.messages, chosen.at_once)))


def _clients(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--streams", type=int, default=200, help="of each kind")
    parser.add_argument("--messages", type=int, default=12, help="to each stream that is not read")
    parser.add_argument("--write-timeout", type=float, default=5, help="the gateway's patience, seconds")
    parser.set_defaults(
        measure=lambda chosen: clients.measure(
            clients.Plan(chosen.streams, chosen.messages, chosen.write_timeout)
        )
    )


def _restart(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--times", type=int, default=5, help="times that it is killed")
    parser.set_defaults(measure=lambda chosen: restart.measure(chosen.times))


if __name__ == "__main__":
    main()
