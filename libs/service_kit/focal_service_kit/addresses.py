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
    """Whether a listen address or gRPC target stays on this machine; unknown names do not.

    A target may list several addresses (`ipv4:127.0.0.1:1,127.0.0.1:2`): all of them have to.
    """
    if target.startswith(("unix:", "unix-abstract:")):
        return True
    endpoints = target.rsplit("/", 1)[-1]
    for scheme in ("dns:", "ipv4:", "ipv6:"):
        endpoints = endpoints.removeprefix(scheme)
    return all(_is_own(endpoint) for endpoint in endpoints.split(","))


def _is_own(endpoint: str) -> bool:
    host = endpoint.rpartition(":")[0].strip("[]") or endpoint
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
