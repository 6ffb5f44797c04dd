"""Hands out bundles: the description from the database, the bytes from the cache if they are right."""

import contextlib
import hashlib
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass

from focal_config_watcher import errors
from focal_config_watcher.core.tenants import Registry
from focal_config_watcher.domain.version import PART_NAMES, AgentKey, Manifest, Part, Pointer
from focal_config_watcher.errors import CacheAway
from focal_config_watcher.ports import BundleCache, Versions
from focal_kernel import errors as kernel_errors


@dataclass(frozen=True)
class Bundles:
    """Reads pointers and bundles."""

    registry: Registry
    versions: Versions
    cache: BundleCache

    async def pointer(self, key: AgentKey) -> Pointer:
        """The current pointer; TENANT_NOT_FOUND, AGENT_NOT_FOUND."""
        pointer = await self.versions.pointer(key)
        if pointer is None:
            await self.registry.get(key.tenant_id)
            raise errors.agent_not_found(key.agent_id)
        return pointer

    async def manifest(self, key: AgentKey, version: int, names: Collection[str]) -> Manifest:
        """What a version consists of, reduced to the named parts (all when none is named).

        Version 0 is the current one. TENANT_NOT_FOUND, AGENT_NOT_FOUND, VERSION_NOT_FOUND, and
        INVALID_FIELD for a part that no bundle has.
        """
        _check_names(names)
        pointer = await self.pointer(key)
        manifest = await self.versions.manifest(key, version or pointer.version)
        if manifest is None:
            raise errors.version_not_found(key.agent_id, version)
        return Manifest(
            pointer if manifest.pointer.version == pointer.version else manifest.pointer,
            tuple(part for part in manifest.parts if not names or part.name in names),
            manifest.embedding_model,
            manifest.embedding_dimensions,
        )

    async def parts(self, manifest: Manifest) -> AsyncIterator[tuple[Part, bytes]]:
        """The bytes of each part, one after another so that only one is held."""
        key, version = manifest.pointer.key, manifest.pointer.version
        for part in manifest.parts:
            content = await self._cached(key, version, part)
            if content is None:
                content = await self._stored(key, version, part)
            yield part, content

    async def _cached(self, key: AgentKey, version: int, part: Part) -> bytes | None:
        """The cache is not trusted: anything but the published bytes counts as missing."""
        try:
            content = await self.cache.read(key, version, part.name)
        except CacheAway:
            return None
        if content is None or hashlib.sha256(content).hexdigest() != part.sha256:
            return None
        return content

    async def _stored(self, key: AgentKey, version: int, part: Part) -> bytes:
        content = (await self.versions.parts(key, version, [part.name]))[part.name]
        with contextlib.suppress(CacheAway):
            await self.cache.refill(key, version, part.name, content)
        return content


def _check_names(names: Collection[str]) -> None:
    violations = [
        kernel_errors.FieldViolation("parts", f"'{name}' is none of {', '.join(PART_NAMES)}")
        for name in names
        if name not in PART_NAMES
    ]
    if violations:
        raise kernel_errors.InvalidArgument(
            "INVALID_FIELD", "unknown parts were asked for", violations=violations
        )
