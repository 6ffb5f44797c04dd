"""What a process holds: memory, and file descriptors, of which each connection takes one at either end."""

from __future__ import annotations

import resource

import psutil

_OTHERS = 500
"""Files, pipes and connections to stores."""


def room_for(connections: int) -> None:
    """Raise this process's soft limit of descriptors as needed; those it starts inherit it. SystemExit when
    the hard limit is lower.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OTHERS
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise SystemExit(f"{wanted} file descriptors are needed, ulimit -Hn allows {hard}")
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def resident(pid: int) -> int:
    """Resident bytes of a process."""
    return int(psutil.Process(pid).memory_info().rss)


def mib(size: int) -> float:
    """Bytes as MiB."""
    return round(size / 1024 / 1024, 1)
