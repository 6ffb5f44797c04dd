"""Free loopback ports.

Ports come from below the kernel's ephemeral range: a port from within it may be taken by any
outgoing connection between our choice and the child's bind.
"""

import random
import socket

LOOPBACK = "127.0.0.1"
LOWEST, HIGHEST = 15_000, 32_000


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose(count: int = 1) -> list[int]:
    """Different ports that are free now."""
    chosen: list[int] = []
    for port in random.sample(range(LOWEST, HIGHEST), HIGHEST - LOWEST):
        if len(chosen) == count:
            return chosen
        if is_free(port):
            chosen.append(port)
    raise OSError(f"fewer than {count} free ports between {LOWEST} and {HIGHEST}")
