"""Parsing of host:port and the question whether an address is this machine's own."""

from __future__ import annotations

import ipaddress


def split(address: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port` in two; ValueError when it is neither."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        raise ValueError(f"{address!r} is not host:port")
    return host.strip("[]"), int(port)


def is_loopback(target: str) -> bool:
    """Whether a listen address or gRPC target stays on this machine; unknown names do not."""
    if target.startswith(("unix:", "unix-abstract:")):
        return True
    endpoint = target.rsplit("/", 1)[-1].removeprefix("dns:").removeprefix("ipv4:")
    host = endpoint.removeprefix("ipv6:").rpartition(":")[0].strip("[]") or endpoint
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
