"""Values of `${NAME}`: variables of the settings, and secrets in files, as Kubernetes mounts them.

DIRECTORY/NAME is for every tenant, DIRECTORY/TENANT/NAME for one. Files are read again when they change, so
that a secret is renewed without a restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from focal_service_kit import logging
from focal_toolbox.domain.answer import Answer
from focal_toolbox.domain.hosts import Place
from focal_toolbox.domain.redaction import SHORTEST, Redaction

LARGEST_BYTES = 64 * 1024

_log = logging.get("secrets")

Files = Mapping[tuple[str, str], str]
"""Tenant id (empty for all) and upper-case name to the value."""


class Secrets:
    """`variables` by upper-case name; those in `plain`, and URLs, are no secrets."""

    def __init__(
        self, variables: Mapping[str, str], directory: Path | None = None, plain: Collection[str] = ()
    ) -> None:
        self._variables = variables
        self._directory = directory
        self._plain = {name.upper() for name in plain}
        self._files: Files = {}
        self._take(_read(directory) if directory else {})

    def values(self, tenant_id: str) -> Mapping[str, str]:
        """By upper-case name: the tenant's secrets, else everybody's, else the variables."""
        return self._values.get(tenant_id, self._values[""])

    def places(self, tenant_id: str) -> frozenset[Place]:
        """Hosts and ports that the URLs among a tenant's values lead to."""
        return self._places.get(tenant_id, self._places[""])

    def text(self, text: str) -> str:
        """A text without any secret, or what one was before it was renewed."""
        return self._redaction.text(text)

    def answer(self, answer: Answer) -> Answer:
        """A provider's answer without any of them."""
        return self._redaction.answer(answer)

    async def watch(self, every_s: float) -> None:
        """Take over changed files, for ever."""
        while self._directory:
            await asyncio.sleep(every_s)
            try:
                found = await asyncio.to_thread(_read, self._directory)
            except OSError as failure:
                _log.warning("secrets cannot be read", error=type(failure).__name__)
                continue
            if found != self._files:
                self._take(found)

    def _take(self, files: Files) -> None:
        former, self._files = self._files, files
        renewed = [value for key, value in former.items() if files.get(key) != value]
        shared = {**self._variables, **_of("", files)}
        tenants = {"", *(tenant for tenant, _ in files)}
        self._values = {tenant: {**shared, **_of(tenant, files)} for tenant in tenants}
        self._places = {tenant: _places(values) for tenant, values in self._values.items()}
        self._redaction = Redaction([*files.values(), *renewed, *self._of_variables()])
        short = sorted(name for (_, name), value in files.items() if len(value) < SHORTEST)
        if short:
            _log.warning("secrets too short to be kept out of results", names=short, characters=SHORTEST)

    def _of_variables(self) -> Iterator[str]:
        for name, value in self._variables.items():
            if Place.of_url(value) is None:
                yield from () if name in self._plain else (value,)
            elif password := urlsplit(value).password:
                yield password


def _of(tenant_id: str, files: Files) -> Mapping[str, str]:
    return {name: value for (tenant, name), value in files.items() if tenant == tenant_id}


def _places(values: Mapping[str, str]) -> frozenset[Place]:
    return frozenset(filter(None, map(Place.of_url, values.values())))


def _read(directory: Path) -> Files:
    """All secrets of a directory; raises OSError when it cannot be listed."""
    return dict(_entries(directory, ""))


def _entries(directory: Path, tenant_id: str) -> Iterator[tuple[tuple[str, str], str]]:
    """Names that begin with a point are how Kubernetes swaps versions."""
    for path in sorted(directory.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            if not tenant_id:
                yield from _entries(path, path.name)
        elif (value := _value(path)) is not None:
            yield (tenant_id, path.name.upper()), value


def _value(path: Path) -> str | None:
    """The text of a file without the line's end that editors add; None, and a warning, when it has none."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
        if len(content) <= LARGEST_BYTES:
            return content.decode().removesuffix("\n").removesuffix("\r")
        problem = f"longer than {LARGEST_BYTES} bytes"
    except OSError as failure:
        problem = type(failure).__name__
    except UnicodeDecodeError:
        problem = "not UTF-8"
    _log.warning("secret cannot be read", name=path.name, problem=problem)
    return None
