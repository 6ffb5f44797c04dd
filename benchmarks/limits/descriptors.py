"""File descriptors: each connection takes one at either end, and processes inherit the limit."""

from __future__ import annotations

import resource

_OTHERS = 500
"""Files, pipes and connections to stores."""


def room_for(connections: int) -> None:
    """Raise this process's soft limit as needed. SystemExit when the hard limit is lower."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OTHERS
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise SystemExit(f"{wanted} file descriptors are needed, ulimit -Hn allows {hard}")
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
