"""Sessions in Valkey in front of those in PostgreSQL, for callers that say what they have seen.

Nothing is ever invalidated. Whatever a reader can see of a session changes together with the offset of its
latest event, in one transaction. So the offset is the version of an entry, and the caller's own offset says
whether the entry is new enough: a lost, late or reordered write can cost a hit and nothing else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import prometheus_client as prometheus
import redis.asyncio
from pydantic import TypeAdapter, ValidationError
from redis.exceptions import RedisError

from focal_service_kit import logging
from focal_turn_gateway.domain.sessions import Session
from focal_turn_gateway.ports.sessions import SessionReader

_SESSION = TypeAdapter(Session)
_log = logging.get("session cache")


class CachedSessions:
    """`ports.sessions.Sessions` over a reader.

    An entry is kept for `kept_s` seconds. A read waits at most `timeout_s` for Valkey; one that does not
    answer is left alone for `pause_s` seconds, in which PostgreSQL alone is asked.
    """

    def __init__(
        self,
        reader: SessionReader,
        client: redis.asyncio.Redis,
        registry: prometheus.CollectorRegistry,
        *,
        kept_s: float,
        timeout_s: float,
        pause_s: float,
    ) -> None:
        self._reader = reader
        self._client = client
        self._kept_ms = int(kept_s * 1000)
        self._timeout_s = timeout_s
        self._pause_s = pause_s
        self._closed_until = 0.0
        reads = prometheus.Counter(
            "focal_gateway_session_cache_reads",
            "Reads that a cache may answer: hit, miss, or stale (older than what the caller has seen)",
            ["outcome"],
            registry=registry,
        )
        self._hits, self._misses, self._stale = map(reads.labels, ("hit", "miss", "stale"))

    async def session(self, tenant_id: str, session_id: str, seen: int | None = None) -> Session:
        """The session as it stands, or an entry that is new enough. Raises SessionNotFound,
        StoreUnavailable.
        """
        if seen is None:
            return await self._reader.session(tenant_id, session_id)
        key = f"session:{tenant_id}:{session_id}"
        kept = _read(await self._asked(lambda: self._client.get(key)))
        if kept is None:
            self._misses.inc()
        elif kept.last_offset < seen:
            self._stale.inc()
        else:
            self._hits.inc()
            return kept
        session = await self._reader.session(tenant_id, session_id)
        entry = _SESSION.dump_json(session)
        await self._asked(lambda: self._client.set(key, entry, px=self._kept_ms))
        return session

    async def _asked(self, command: Callable[[], Any]) -> Any:
        """Valkey's answer; None when there is none in time."""
        if time.monotonic() < self._closed_until:
            return None
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await command()
        except (RedisError, OSError, TimeoutError) as error:
            if not self._closed_until:
                _log.warning("valkey away, sessions are read from the store", cause=type(error).__name__)
            self._closed_until = time.monotonic() + self._pause_s
            return None
        if self._closed_until:
            _log.info("sessions are read from valkey again")
        self._closed_until = 0.0
        return answer


def _read(entry: bytes | None) -> Session | None:
    """The session in an entry; None for what another release wrote."""
    try:
        return None if entry is None else _SESSION.validate_json(entry)
    except ValidationError:
        return None
