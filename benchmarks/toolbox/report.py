"""Figures as tables for people and as JSON for machines."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.mesh.load import percentile
from benchmarks.mesh.report import machine
from benchmarks.toolbox.measuring import Overhead, Sustained

TARGET_MS = {"PURE": 2.0, "IRREVERSIBLE": 6.0}
TARGET_PER_SECOND = 300
TARGETS_ECHO_MS = 0.5
"""The hop of the machine that the targets were stated for (ARCHITECTURE §7)."""


def as_json(overheads: Sequence[Overhead], flood: Sustained) -> dict[str, Any]:
    """Everything that was measured."""
    return {
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "overhead": [
            {
                "policy": each.policy,
                "calls": len(each.through_s),
                "through_p50_ms": _ms(each.through_s, 0.5),
                "direct_p50_ms": _ms(each.direct_s, 0.5),
                "beyond_p50_ms": round(each.beyond_ms(0.5), 2),
                "beyond_p99_ms": round(each.beyond_ms(0.99), 2),
                "target_p50_ms": TARGET_MS[each.policy],
                "echo_p50_ms": _ms(each.echo_s, 0.5),
                "empty_call_p50_ms": _ms(each.empty_s, 0.5),
                "x_echo_p50": round(each.hops, 1),
                "target_x_echo": TARGET_MS[each.policy] / TARGETS_ECHO_MS,
            }
            for each in overheads
        ],
        "sustained": {
            "callers": flood.callers,
            "seconds": round(flood.seconds, 1),
            "effects": flood.succeeded,
            "per_second": round(flood.per_second, 1),
            "target_per_second": TARGET_PER_SECOND,
            "p50_ms": _ms(flood.latencies_s, 0.5),
            "p99_ms": _ms(flood.latencies_s, 0.99),
            "asked_twice": flood.asked_twice,
            "failed": dict(flood.failed),
            "provider_paid": flood.paid,
            "provider_repeated": flood.repeated,
            "each_once": flood.once,
            "cpu_ms_per_effect": {name: round(spent, 3) for name, spent in flood.cpu_ms.items()},
        },
    }


def show(console: Console, overheads: Sequence[Overhead], flood: Sustained) -> None:
    """What a call costs beyond the provider, then the sustained load."""
    console.print(_calls(overheads))
    console.print(_flood(flood))
    spent = ", ".join(f"{name} {ms:.2f}" for name, ms in flood.cpu_ms.items())
    console.print(f"CPU ms per effect: {spent}")


def _calls(overheads: Sequence[Overhead]) -> Table:
    busy = f"load average {os.getloadavg()[0]:.1f}"
    table = Table(title=f"Calls of tools, one caller ({machine()}, {busy})")
    for heading in (
        *("p50 ms", "calls", "through toolbox", "direct", "beyond", "target", "beyond p99"),
        *("echo", "empty call", "x echo", "target x echo"),
    ):
        table.add_column(heading, justify="left" if heading == "p50 ms" else "right")
    for each in overheads:
        table.add_row(
            f"{each.policy} call",
            str(len(each.through_s)),
            f"{_ms(each.through_s, 0.5):.2f}",
            f"{_ms(each.direct_s, 0.5):.2f}",
            f"{each.beyond_ms(0.5):.2f}",
            f"{TARGET_MS[each.policy]:.0f}",
            f"{each.beyond_ms(0.99):.2f}",
            f"{_ms(each.echo_s, 0.5):.2f}",
            f"{_ms(each.empty_s, 0.5):.2f}",
            f"{each.hops:.1f}",
            f"{TARGET_MS[each.policy] / TARGETS_ECHO_MS:.0f}",
        )
    return table


def _flood(flood: Sustained) -> Table:
    table = Table(title=f"Irreversible effects for {flood.seconds:.0f} s")
    for heading in (
        "callers",
        "effects",
        "per second",
        "target",
        "p50 ms",
        "p99 ms",
        "asked twice",
        "failed",
        "paid by provider",
        "repeated",
        "verdict",
    ):
        table.add_column(heading, justify="right")
    table.add_row(
        str(flood.callers),
        str(flood.succeeded),
        f"{flood.per_second:.0f}",
        str(TARGET_PER_SECOND),
        f"{_ms(flood.latencies_s, 0.5):.1f}",
        f"{_ms(flood.latencies_s, 0.99):.1f}",
        str(flood.asked_twice),
        ", ".join(f"{reason} {times}" for reason, times in flood.failed.items()) or "0",
        str(flood.paid),
        str(flood.repeated),
        "each once" if flood.once else "NOT each once",
    )
    return table


def _ms(values: Sequence[float], share: float) -> float:
    return round(percentile(values, share) * 1000, 2)
