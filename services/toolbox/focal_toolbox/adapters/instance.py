"""This process's sign of life in the ledger: a heartbeat row and an advisory lock.

Both come from a thread with a connection and an event loop of its own, so that neither a busy loop
nor an exhausted pool looks like death. The lock is free the moment the process is gone; the
heartbeat ages while the process is frozen.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import asyncpg

from focal_kernel import ids
from focal_service_kit import logging
from focal_toolbox import errors

LOCK_SPACE = 1953460076
"""First key of our advisory locks (it spells "tool"), as in migration 0001."""

_CONNECT = """
    INSERT INTO effects.instances AS i (instance_id) VALUES ($1)
    ON CONFLICT (instance_id) DO UPDATE SET heartbeat_at = clock_timestamp()
    RETURNING i.lock_number
"""
_BEAT = """
    UPDATE effects.instances SET heartbeat_at = clock_timestamp() WHERE instance_id = $1
"""
_LOCK = "SELECT pg_try_advisory_lock($1, $2)"
# Rows of processes that held their last reservation long ago are of no use to anybody.
_FORGET = """
    DELETE FROM effects.instances i WHERE i.heartbeat_at < clock_timestamp() - interval '1 day'
        AND NOT EXISTS (
            SELECT FROM effects.effects e WHERE e.instance_id = i.instance_id AND e.state = 'PREPARED'
        )
"""

_log = logging.get("instance")


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds between heartbeats, and the longest a single one may take."""

    beat_s: float
    timeout_s: float


class Heartbeat:
    """Keeps the instance row young and its lock held until `stop`; reconnects by itself."""

    def __init__(self, url: str, rhythm: Rhythm, server_settings: Mapping[str, str]) -> None:
        self.instance_id = ids.new_id("tbx")
        self._url = url
        self._rhythm = rhythm
        self._server_settings = dict(server_settings)
        self._alive = threading.Event()
        self._stopping = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    async def start(self, within_s: float) -> None:
        """Returns once the ledger takes this process for alive; LedgerAway when that takes too long."""
        self._thread.start()
        if not await asyncio.to_thread(self._alive.wait, within_s):
            raise errors.LedgerAway("the effect ledger did not register this process in time")

    async def stop(self) -> None:
        """Give the lock back and end the thread."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._keep_alive())

    async def _keep_alive(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._connected()
            except (
                OSError,
                TimeoutError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,
            ) as error:
                _log.warning("heartbeat interrupted", error=type(error).__name__)
                await self._pause(self._rhythm.beat_s / 4)

    async def _connected(self) -> None:
        """One connection's life: register, lock, beat."""
        connection = await asyncpg.connect(
            self._url,
            timeout=self._rhythm.timeout_s,
            command_timeout=self._rhythm.timeout_s,
            server_settings=self._server_settings,
        )
        try:
            number = await connection.fetchval(_CONNECT, self.instance_id)
            await connection.execute(_FORGET)
            locked = False
            while not self._stopping.is_set():
                # A lost connection's session may hold the lock a little longer than we know.
                locked = locked or await connection.fetchval(_LOCK, LOCK_SPACE, number)
                await connection.execute(_BEAT, self.instance_id)
                if locked:
                    self._alive.set()
                await self._pause(self._rhythm.beat_s if locked else self._rhythm.beat_s / 10)
        finally:
            # Closed by force: a polite goodbye over a dead line would wait for an answer.
            connection.terminate()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


@asynccontextmanager
async def living(heartbeat: Heartbeat, within_s: float) -> AsyncIterator[Heartbeat]:
    """Alive inside, given up outside."""
    try:
        await heartbeat.start(within_s)
        yield heartbeat
    finally:
        await heartbeat.stop()
