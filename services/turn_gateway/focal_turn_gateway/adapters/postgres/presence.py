"""Keeps this gateway instance alive in the eyes of the others.

The heartbeat runs in a thread of its own with its own connection: a busy event loop must not look like a
frozen process, and a frozen process must find out, when it thaws, that it was given up.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import asyncpg

from focal_service_kit import logging, postgres, settings

_LOCK_CLASS = 7401
"""First key of the advisory lock that shows an instance's connection alive; `turns.live_gateways` has it
too.
"""
_RECONNECT_S = 0.2

_log = logging.get("presence")


class Presence:
    """Registers the instance anew whenever it was or may have been given up.

    `on_joined(number)` and `on_lost()` are called on the event loop that called `run`.
    """

    def __init__(
        self, chosen: settings.PostgresSettings, name: str, *, heartbeat_s: float, lease_s: float
    ) -> None:
        self._chosen = chosen
        self._name = name
        self._heartbeat_s = heartbeat_s
        self._lease_s = lease_s
        self._stopping = threading.Event()

    async def run(self, on_joined: Callable[[int], None], on_lost: Callable[[], None]) -> None:
        """Stay registered until cancelled."""
        loop = asyncio.get_running_loop()

        def call(function: Callable[..., None], *arguments: int) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(function, *arguments)

        thread = threading.Thread(
            target=lambda: asyncio.run(self._keep(call, on_joined, on_lost)), name="presence", daemon=True
        )
        thread.start()
        try:
            await asyncio.Event().wait()
        finally:
            self._stopping.set()
            await loop.run_in_executor(None, thread.join, self._lease_s)

    async def _keep(
        self,
        call: Callable[..., None],
        on_joined: Callable[[int], None],
        on_lost: Callable[[], None],
    ) -> None:
        while not self._stopping.is_set():
            try:
                await self._one_life(lambda number: call(on_joined, number))
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                _log.warning("presence lost", cause=type(error).__name__)
            call(on_lost)
            await asyncio.sleep(_RECONNECT_S)

    async def _one_life(self, joined: Callable[[int], None]) -> None:
        """From registration to the first heartbeat that comes too late."""
        connection = await asyncpg.connect(
            self._chosen.url,
            timeout=self._lease_s,
            command_timeout=self._lease_s,
            server_settings=postgres.server_settings(self._chosen, "presence"),
        )
        try:
            number = await connection.fetchval(
                "INSERT INTO turns.gateways (instance) VALUES ($1) RETURNING number", self._name
            )
            await connection.execute("SELECT pg_advisory_lock($1, $2)", _LOCK_CLASS, number)
            joined(number)
            await self._beat(connection, number)
            await connection.execute("DELETE FROM turns.gateways WHERE number = $1", number)
        finally:
            connection.terminate()

    async def _beat(self, connection: asyncpg.Connection, number: int) -> None:
        last = time.monotonic()
        while not self._stopping.is_set():
            await asyncio.sleep(self._heartbeat_s)
            if time.monotonic() - last > self._lease_s:
                _log.warning("heartbeat late, the instance starts over", late_s=time.monotonic() - last)
                return
            await connection.execute(
                "UPDATE turns.gateways SET heartbeat_at = clock_timestamp() WHERE number = $1", number
            )
            last = time.monotonic()
