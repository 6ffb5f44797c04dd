"""Which IP addresses are the public internet, whatever way they are written."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_IPV4_INSIDE = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "::/96")))
"""IPv6 networks whose last 32 bits are an IPv4 address: NAT64 (RFC 6052) and the old compatible form."""
_SPECIAL = tuple(map(ipaddress.IPv4Network, ("168.63.129.16/32", "192.0.0.0/24")))
"""Addresses that pass for public: machine metadata of Azure and of Oracle."""


def read(text: str) -> Address | None:
    """The address that `text` writes in the usual form, None for anything else; a zone is left out."""
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def reachable(address: Address, networks: Sequence[Network]) -> bool:
    """Whether requests may go to an address: it is public, or in one of the `networks` that are allowed.

    An IPv4 address inside an IPv6 one counts as itself.
    """
    meant = _meant(address)
    listed = any(one in network for one in (address, meant) for network in networks)
    return listed or (meant.is_global and not _special(meant))


def _special(address: Address) -> bool:
    """What `is_global` lets pass: groups of machines, site-local addresses, metadata."""
    site_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    metadata = any(address in network for network in _SPECIAL)
    return address.is_multicast or address.is_reserved or site_local or metadata


def _meant(address: Address) -> Address:
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if inside := address.ipv4_mapped or address.sixtofour:
        return inside
    if any(address in network for network in _IPV4_INSIDE):
        # `::` and `::1` become 0.0.0.0 and 0.0.0.1, which are no more public than they are.
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
