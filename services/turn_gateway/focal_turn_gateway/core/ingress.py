"""Take messages off the router's streams: one reader per stream, a lane per customer.

Order is the stream's order, per customer and agent. It does not depend on the lease: whoever reads a stream
starts from what is not settled, and submits a customer's message only after the one before it is durable. So
whatever a replaced reader still submits is a repeat, as its request id shows, or the next message in order.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from focal_kernel import ids
from focal_service_kit import logging, tasks
from focal_turn_gateway import errors
from focal_turn_gateway.core.accept_routed import AcceptRouted, Unpacked
from focal_turn_gateway.core.lanes import Lanes
from focal_turn_gateway.domain.routed import Route
from focal_turn_gateway.ports.router import RoutedStreams

_log = logging.get("ingress")


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast and how much; seconds and entries, settings of the section `ingress`."""

    discover_s: float
    acquire_s: float
    renew_s: float
    listen_s: float
    batch: int
    window: int


class Ingress:
    """Reads every stream that no other gateway reads."""

    def __init__(self, streams: RoutedStreams, accept: AcceptRouted, pace: Pace) -> None:
        self._streams = streams
        self._accept = accept
        self._pace = pace
        self._readers: dict[Route, asyncio.Task[None]] = {}
        self._quiet: dict[Route, tuple[str, asyncio.Event]] = {}
        self._stopping = asyncio.Event()
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Read until cancelled or retired."""
        try:
            await tasks.together(
                discover=self._forever(self._discover),
                arrivals=self._forever(self._wake_readers),
                stop=_until(self._stopping),
            )
        finally:
            await tasks.cancel(list(self._readers.values()))
            self._stopped.set()

    async def retire(self) -> None:
        """Stop reading and let others read at once."""
        self._stopping.set()
        await self._stopped.wait()

    async def _forever(self, once: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await once()
            except errors.StreamsAway as error:
                _log.warning("streams away", cause=str(error))
                await asyncio.sleep(self._pace.acquire_s)

    async def _discover(self) -> None:
        for route in await self._streams.discover() - self._readers.keys():
            reader = asyncio.create_task(self._reader(route), name=f"read {route}")
            self._readers[route] = reader
            reader.add_done_callback(partial(self._ended, route))
        await asyncio.sleep(self._pace.discover_s)

    def _ended(self, route: Route, _: asyncio.Task[None]) -> None:
        del self._readers[route]

    async def _wake_readers(self) -> None:
        """Wake the readers of streams that have something new; one call waits for all of them."""
        positions = {route: position for route, (position, _) in self._quiet.items()}
        if not positions:
            await asyncio.sleep(self._pace.listen_s)
            return
        for route in await self._streams.arrivals(positions, self._pace.listen_s):
            if (quiet := self._quiet.pop(route, None)) is not None:
                quiet[1].set()

    async def _reader(self, route: Route) -> None:
        """Become the reader, again and again, until the stream is gone."""
        while True:
            token = ids.new_id("rdr")
            try:
                if await self._streams.acquire(route, token):
                    await self._read(route, token)
            except errors.StreamGone:
                return
            except errors.StreamLost as lost:
                _log.info("stream lost", stream=str(route), why=str(lost))
            except errors.StreamsAway as error:
                _log.warning("streams away", stream=str(route), cause=str(error))
            except Exception as error:  # noqa: BLE001
                # One stream must not end the reading of all others; its entries are still unsettled.
                _log.error("reading failed", stream=str(route), exc_info=error)
            # Gateways that look at the same instant would do so for ever.
            await asyncio.sleep(self._pace.acquire_s * random.uniform(0.75, 1.25))  # noqa: S311

    async def _read(self, route: Route, token: str) -> None:
        """Read under one lease: first what was taken and not settled before, then what is new."""
        _log.info("reading", stream=str(route))
        lanes: Lanes[Unpacked] = Lanes(self._accept)
        after: str | None = "0"
        try:
            while True:
                room = min(self._pace.batch, self._pace.window - lanes.waiting)
                lanes.moved.clear()
                taken = await self._streams.read(route, token, after, room)
                for entry in taken.entries:
                    unpacked = self._accept.unpack(route, entry)
                    lanes.add(unpacked.lane, unpacked)
                lanes.check()
                if after is not None and room:
                    after = taken.entries[-1].entry_id if taken.entries else None
                elif not taken.entries:
                    await self._pause(route, taken.position if room else "", lanes.moved)
        finally:
            self._quiet.pop(route, None)
            await lanes.close()
            with suppress(errors.StreamsAway):
                await self._streams.release(route, token)

    async def _pause(self, route: Route, position: str, woken: asyncio.Event) -> None:
        """Until something is new behind `position` (empty: the window is full) or settled; at the latest
        until the lease has to be renewed.
        """
        if position:
            self._quiet[route] = (position, woken)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pace.renew_s):
                await woken.wait()
        self._quiet.pop(route, None)


async def _until(event: asyncio.Event) -> None:
    await event.wait()
