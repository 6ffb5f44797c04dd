"""Figures as tables for people and as JSON for machines."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.mesh.load import Load, percentile
from benchmarks.mesh.turns import Measured

SERVICES = ("turn_gateway", "pipeline", "toolbox", "memory", "config_watcher")
APART = ("postgres", "valkey", "model double")


def machine() -> str:
    """What the figures were measured on."""
    return f"{os.cpu_count()} cores, load generator on the same machine"


def as_json(echo: Sequence[Load], measured: Sequence[Measured]) -> dict[str, Any]:
    """Everything that was measured."""
    return {
        "cores": os.cpu_count(),
        "echo_chain": [_load_json(each) for each in echo],
        "turns": [
            {
                "rules": each.rules,
                "model": each.model,
                **_load_json(each.load),
                "cpu_ms_per_turn": {name: round(spent, 3) for name, spent in each.cpu_ms.items()},
                "llm_calls_per_turn": each.llm_calls,
                "prompt_characters_per_turn": round(each.prompt_characters, 1),
                "first_text_p50_ms": round(percentile(each.first_text_ms, 0.5), 2),
            }
            for each in measured
        ],
    }


def show(console: Console, echo: Sequence[Load], measured: Sequence[Measured]) -> None:
    """Two tables: throughput beside the echo chain, and CPU per turn."""
    console.print(_throughput(echo, measured))
    console.print(_cpu(measured))


def _throughput(echo: Sequence[Load], measured: Sequence[Measured]) -> Table:
    table = Table(title=f"Turns ({machine()})")
    for heading in ("what", "sessions", "per second", "p50 ms", "p99 ms", "x echo p50", "1st text p50 ms"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    table.add_column("LLM calls / turn", justify="right")
    table.add_column("prompt chars / turn", justify="right")
    reference = {each.sessions: each.percentile_ms(0.5) for each in echo}
    for each in echo:
        table.add_row("three-hop gRPC echo", *_figures(each), "1.0", "", "", "")
    for turn in measured:
        ratio = turn.load.percentile_ms(0.5) / reference[turn.load.sessions]
        first = percentile(turn.first_text_ms, 0.5)
        table.add_row(
            f"turns, {turn.rules} rules, {turn.model}",
            *_figures(turn.load),
            f"{ratio:.1f}",
            f"{first:.1f}" if first else "",
            f"{turn.llm_calls:.2f}",
            f"{turn.prompt_characters:.0f}",
        )
    return table


def _cpu(measured: Sequence[Measured]) -> Table:
    table = Table(title="CPU ms per turn")
    table.add_column("turns")
    table.add_column("sessions", justify="right")
    for name in (*SERVICES, "five services", *APART):
        table.add_column(name, justify="right")
    for each in measured:
        total = sum(each.cpu_ms.get(name, 0.0) for name in SERVICES)
        cells = [each.cpu_ms.get(name, 0.0) for name in SERVICES]
        apart = [each.cpu_ms.get(name, 0.0) for name in APART]
        table.add_row(
            f"{each.rules} rules, {each.model}",
            str(each.load.sessions),
            *(f"{spent:.2f}" for spent in (*cells, total, *apart)),
        )
    return table


def _figures(each: Load) -> tuple[str, str, str, str]:
    return (
        str(each.sessions),
        f"{each.per_second:.0f}",
        f"{each.percentile_ms(0.5):.1f}",
        f"{each.percentile_ms(0.99):.1f}",
    )


def _load_json(each: Load) -> dict[str, Any]:
    return {
        "sessions": each.sessions,
        "exchanges": len(each.latencies_s),
        "per_second": round(each.per_second, 1),
        "p50_ms": round(each.percentile_ms(0.5), 2),
        "p99_ms": round(each.percentile_ms(0.99), 2),
    }
