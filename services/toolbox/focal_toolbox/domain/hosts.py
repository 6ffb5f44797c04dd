"""Which hosts tools may reach: those that the operator listed, or named by the URL of a variable."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

ANY = "*"
DEFAULT_PORTS = {"http": 80, "https": 443, "grpc": 80, "grpcs": 443}

_SHAPE = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[^\s:/@\[\]]+)(?::(?P<port>\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class Place:
    """A host and a port; the name is lower case, ASCII, without a final point and without brackets."""

    name: str
    port: int

    @classmethod
    def of(cls, name: str, port: int) -> Self:
        return cls(spelt(name), port)

    @classmethod
    def of_url(cls, text: str) -> Self | None:
        """Where a URL leads; None when `text` is no URL of one of these schemes."""
        try:
            parts = urlsplit(text)
            if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
                return None
            return cls.of(parts.hostname, parts.port or DEFAULT_PORTS[parts.scheme])
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Pattern:
    """`api.example.com`, `*.example.com` (what is below it, not itself) or `*`, on one port or on all."""

    name: str
    port: int | None = None

    @classmethod
    def read(cls, text: str) -> Self:
        """The pattern that `text` writes; ValueError when it is none."""
        below, rest = ("*.", text[2:]) if text.startswith("*.") else ("", text)
        found = _SHAPE.fullmatch(rest)
        if found is None or (ANY in found["name"] and (below or found["name"] != ANY)):
            raise ValueError(
                f"{text!r} is no host: write api.example.com, *.example.com or *, and :port behind"
            )
        port = int(found["port"]) if found["port"] else None
        return cls(below + spelt(found["name"].strip("[]")), port)

    @property
    def any_host(self) -> bool:
        return self.name == ANY

    def covers(self, place: Place) -> bool:
        """Whether the pattern means this host and port."""
        if self.port not in (None, place.port):
            return False
        if self.name.startswith("*."):
            return place.name.endswith(self.name[1:])
        return self.any_host or self.name == place.name


class AllowedHosts:
    """`listed` patterns hold for all tenants, `of_tenants` for one each; `named` gives the places that the
    operator's own URLs lead to, by tenant.
    """

    def __init__(
        self,
        listed: Iterable[str] = (),
        of_tenants: Mapping[str, Iterable[str]] | None = None,
        named: Callable[[str], Collection[Place]] = lambda _tenant_id: (),
    ) -> None:
        self._listed = tuple(map(Pattern.read, listed))
        self._of_tenants = {
            tenant: tuple(map(Pattern.read, patterns)) for tenant, patterns in (of_tenants or {}).items()
        }
        self._named = named

    def allow(self, tenant_id: str, place: Place, *, stated: bool) -> bool:
        """Whether a tenant's tool may reach a place.

        `*` stands for hosts that are `stated` in the definition only: one that an argument or an answer made
        up must be meant by name.
        """
        if place in self._named(tenant_id):
            return True
        patterns = self._listed + self._of_tenants.get(tenant_id, ())
        return any(pattern.covers(place) and (stated or not pattern.any_host) for pattern in patterns)


def spelt(name: str) -> str:
    """A host name as DNS compares it; ValueError unless it is ASCII."""
    if not name.isascii():
        raise ValueError(f"{name!r} must be written as in DNS: xn--…")
    return name.lower().removesuffix(".")
