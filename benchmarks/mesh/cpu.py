"""CPU seconds of processes with their children, so that PostgreSQL's workers count as PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping

import psutil


def seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """CPU seconds used so far, user and system, by name."""
    return {name: _tree(pid) for name, pid in pids.items()}


def per_exchange_ms(
    before: Mapping[str, float], after: Mapping[str, float], exchanges: int
) -> dict[str, float]:
    """CPU milliseconds per exchange, by name."""
    return {name: (after[name] - before[name]) * 1000 / max(1, exchanges) for name in before}


def _tree(pid: int) -> float:
    process = psutil.Process(pid)
    return sum(_own(member) for member in (process, *process.children(recursive=True)))


def _own(process: psutil.Process) -> float:
    """A PostgreSQL worker may end meanwhile; what it used is then in its parent's children times."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)
