"""The cache of compiled agents, by (tenant, agent, version), and who is current.

Fed in two ways: `follow` (see `following`) announces pointers and prefetches, `get` fetches on
demand, for instance an older version that a session is pinned to. While config_watcher is away the
cache goes on with what it has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import cachetools

from focal_embedding import Embedder
from focal_pipeline import errors
from focal_pipeline.core import runtime
from focal_pipeline.core.runtime import AgentRuntime
from focal_pipeline.domain.bundle import Bundle, Pointer
from focal_pipeline.ports import BundleSource
from focal_service_kit import deadlines, logging

Name = tuple[str, str]
Key = tuple[str, str, int]

_log = logging.get("runtimes")


class Runtimes:
    """At most `size` runtimes, least recently used goes first.

    A version never changes, so an entry older than `ttl_s` is still right: age only frees memory of
    versions nobody asked for since. The current version of each agent that was used here is renewed by use.
    """

    def __init__(
        self, source: BundleSource, embedder: Embedder, *, size: int, ttl_s: float, timer: Callable[[], float]
    ) -> None:
        self._source = source
        self._embedder = embedder
        self._cache: _Idle = _Idle(size, ttl_s, timer)
        self._announced: dict[Name, int] = {}
        self._current: dict[Name, int] = {}
        self._last_used: dict[Name, int] = {}
        self._loading: dict[Key, asyncio.Task[AgentRuntime]] = {}

    async def get(self, tenant_id: str, agent_id: str, version: int) -> AgentRuntime:
        """The runtime of a version, 0 for the current one.

        Raises AgentNotFound, VersionNotFound, AgentDisabled, BundleUnusable, EmbeddingMismatch or
        ConfigUnavailable.
        """
        name = (tenant_id, agent_id)
        key = (*name, version or self._version(name))
        found = self._cache.get(key)
        if found is None:
            found = await self._load(key)
        self._last_used[name] = found.version
        if not found.agent.enabled:
            raise errors.AgentDisabled(agent_id)
        return found

    def announce(self, pointer: Pointer) -> None:
        """Make a version current; if the agent is in use here, only once it is fetched and compiled,
        so that no turn waits for it.
        """
        name = (pointer.tenant_id, pointer.agent_id)
        self._announced[name] = pointer.version
        key = (*name, pointer.version)
        if key not in self._cache and (*name, self._last_used.get(name, 0)) in self._cache:
            self._start(key).add_done_callback(lambda task: self._switch(key, task))
        else:
            self._current[name] = pointer.version

    def _switch(self, key: Key, task: asyncio.Task[AgentRuntime]) -> None:
        """A version that cannot run here is not switched to; one that could not be fetched is, and
        the next turn tries again.
        """
        failure = None if task.cancelled() else task.exception()
        if failure is not None:
            _log.warning("version not prefetched", agent=key[1], version=key[2], why=str(failure))
        usable = failure is None or isinstance(failure, errors.ConfigUnavailable)
        if usable and self._announced.get(key[:2]) == key[2]:
            self._current[key[:2]] = key[2]

    def _version(self, name: Name) -> int:
        """The current version as far as is known here; 0 lets config_watcher say."""
        return self._current.get(name) or self._announced.get(name, 0)

    async def _load(self, key: Key) -> AgentRuntime:
        """One fetch per key at a time; a waiter that leaves does not stop it for the others."""
        return await asyncio.shield(self._start(key))

    def _start(self, key: Key) -> asyncio.Task[AgentRuntime]:
        loading = self._loading.get(key)
        if loading is None:
            loading = asyncio.get_running_loop().create_task(
                self._fetch(key), name=f"load {key[1]} {key[2]}", context=deadlines.detached()
            )
            self._loading[key] = loading
            loading.add_done_callback(lambda task: self._loaded(key, task))
        return loading

    async def _fetch(self, key: Key) -> AgentRuntime:
        bundle: Bundle = await self._source.fetch(*key)
        # Ten thousand rules take some ten milliseconds, which must not stall the turns that run.
        return await asyncio.to_thread(runtime.compile_bundle, bundle, self._embedder)

    def _loaded(self, key: Key, task: asyncio.Task[AgentRuntime]) -> None:
        del self._loading[key]
        if task.cancelled() or task.exception() is not None:
            return
        loaded = task.result()
        self._cache[key[0], key[1], loaded.version] = loaded


class _Idle(cachetools.TLRUCache[Key, AgentRuntime]):
    """Least recently used first, and out after `ttl_s` seconds without use."""

    def __init__(self, size: int, ttl_s: float, timer: Callable[[], float]) -> None:
        super().__init__(size, ttu=lambda _key, _value, now: now + ttl_s, timer=timer)

    def get(self, key: Key, default: AgentRuntime | None = None) -> AgentRuntime | None:  # type: ignore[override]
        """The entry, renewed."""
        found = super().get(key, default)
        if found is not None:
            self[key] = found
        return found
