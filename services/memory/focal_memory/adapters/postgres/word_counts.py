"""How common words are, from the statistics that PostgreSQL collects anyway (ANALYZE)."""

from __future__ import annotations

import asyncio

import asyncpg
from cachetools import TTLCache

from focal_memory.domain.rarity import Frequencies

_PARTITION = """
SELECT relname, reltuples FROM pg_class
WHERE oid = (SELECT tableoid FROM memory.episode WHERE tenant_id = $1 LIMIT 1)
"""
_COUNTS = """
SELECT most_common_elems::text::text[] AS words, most_common_elem_freqs AS shares
FROM pg_stats WHERE schemaname = 'memory' AND tablename = $1 AND attname = 'words'
"""
_TENANTS = 10_000
_PARTITIONS = 256  # each holds about a thousand words


class StatisticsWordCounts:
    """Counts of the partition a tenant's episodes lie in, read again after `max_age_s` seconds.

    Small tenants share a partition, so their counts are those of their neighbours too: good enough to
    tell grammar from content.
    """

    def __init__(self, pool: asyncpg.Pool, max_age_s: float) -> None:
        self._pool = pool
        self._partitions: TTLCache[str, tuple[str, float]] = TTLCache(_TENANTS, max_age_s)
        self._counts: TTLCache[str, tuple[Frequencies | None]] = TTLCache(_PARTITIONS, max_age_s)
        self._reading = asyncio.Lock()

    async def frequencies(self, tenant: str) -> Frequencies | None:
        partition = self._partitions.get(tenant) or await self._partition(tenant)
        if partition is None:
            return None
        counted = self._counts.get(partition[0]) or await self._count(*partition)
        return counted[0]

    async def _partition(self, tenant: str) -> tuple[str, float] | None:
        row = await self._pool.fetchrow(_PARTITION, tenant)
        if row is None:
            return None
        found = (row["relname"], row["reltuples"])
        self._partitions[tenant] = found
        return found

    async def _count(self, partition: str, episodes: float) -> tuple[Frequencies | None]:
        async with self._reading:
            counted = self._counts.get(partition) or (await self._read(partition, episodes),)
            self._counts[partition] = counted
            return counted

    async def _read(self, partition: str, episodes: float) -> Frequencies | None:
        row = await self._pool.fetchrow(_COUNTS, partition)
        if row is None or not row["words"]:
            return None
        # The shares end with their minimum and maximum, which belong to no word.
        shares = dict(zip(row["words"], row["shares"], strict=False))
        return Frequencies(shares, floor=min(shares.values()), episodes=episodes)
