"""Keeps this gateway instance alive in the eyes of the others.

The heartbeat runs on the event loop that drains: it vouches for exactly the work that others would have to
take over. A loop that is stuck for longer than the lease counts as frozen, and finds out when it moves again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import asyncpg

from focal_service_kit import logging, postgres, settings
from focal_turn_gateway.adapters.postgres import failures

_LOCK_CLASS = 7401
"""First key of the advisory lock that shows an instance's connection alive; `turns.live_gateways` has it
too.
"""
_FORGOTTEN_AFTER = "1 day"
_RECONNECT_S = 0.2

_REGISTER = "INSERT INTO turns.gateways (instance) VALUES ($1) RETURNING number"
_LOCK = "SELECT pg_try_advisory_lock($1, $2)"
_BEAT = "UPDATE turns.gateways SET heartbeat_at = clock_timestamp() WHERE number = $1 RETURNING true"
_LEAVE = "DELETE FROM turns.gateways WHERE number = $1"
_FORGET = "DELETE FROM turns.gateways WHERE heartbeat_at < clock_timestamp() - $1::text::interval"

_log = logging.get("presence")


class Presence:
    """Registers the instance under a number, and anew whenever it may have been given up.

    After a lost connection the instance comes back under its number: while the server was away, nobody could
    take its sessions, and what it drains goes on.
    """

    def __init__(
        self, chosen: settings.PostgresSettings, name: str, *, heartbeat_s: float, lease_s: float
    ) -> None:
        self._chosen = chosen
        self._name = name
        self._heartbeat_s = heartbeat_s
        self._lease_s = lease_s
        self._number: int | None = None

    async def run(self, on_joined: Callable[[int], None], on_lost: Callable[[], None]) -> None:
        """Stay registered until cancelled. `on_lost` is called when others may have taken the sessions."""
        while True:
            try:
                await self._one_life(on_joined)
                on_lost()
            except Exception as error:
                if not isinstance(error, asyncpg.PostgresError) and not failures.is_away(error):
                    raise
                _log.warning("presence lost", cause=type(error).__name__)
                await asyncio.sleep(_RECONNECT_S)

    async def _one_life(self, on_joined: Callable[[int], None]) -> None:
        """From registration to the first heartbeat that comes too late."""
        connection = await asyncpg.connect(
            self._chosen.url,
            timeout=self._lease_s,
            command_timeout=self._lease_s,
            server_settings=postgres.server_settings(self._chosen, "presence"),
        )
        try:
            number = self._number = await self._register(connection)
            on_joined(number)
            await self._beat(connection, number)
            self._number = None
            await connection.execute(_LEAVE, number)
        finally:
            # Closing frees the advisory lock: whoever looks next finds this instance gone.
            connection.terminate()

    async def _register(self, connection: asyncpg.Connection) -> int:
        """The number from before if nobody noticed our absence, else a new one."""
        if self._number is not None and await self._hold(connection, self._number):
            return self._number
        await connection.execute(_FORGET, _FORGOTTEN_AFTER)
        number: int = await connection.fetchval(_REGISTER, self._name)
        await self._hold(connection, number)
        return number

    async def _hold(self, connection: asyncpg.Connection, number: int) -> bool:
        return bool(
            await connection.fetchval(_LOCK, _LOCK_CLASS, number) and await connection.fetchval(_BEAT, number)
        )

    async def _beat(self, connection: asyncpg.Connection, number: int) -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(self._heartbeat_s)
            sent = time.monotonic()
            if sent - last > self._lease_s:
                _log.warning("heartbeat late, the instance starts over", late_s=sent - last)
                return
            if not await connection.fetchval(_BEAT, number):
                _log.warning("the instance was forgotten and starts over")
                return
            # The others count from when the server heard of it, which is before its answer came back.
            last = sent
