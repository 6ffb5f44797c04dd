"""The default turn engine: a lease in the session row, wake hints, and a sweep that makes lost hints good."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

from focal_service_kit import deadlines, logging, tasks
from focal_turn_gateway import errors
from focal_turn_gateway.adapters.engines.places import Places
from focal_turn_gateway.ports.engine import Hold

_log = logging.get("engine")

Drain = Callable[[Hold], Awaitable[None]]


class Leases(Protocol):
    """Which gateway instance holds which session."""

    async def claim(self, session_id: str, instance: int) -> bool:
        """Hold the session unless a live instance does."""

    async def release(self, session_id: str, instance: int) -> bool:
        """Let the session go; true when it has unanswered messages."""

    async def abandoned(self, instance: int, draining: list[str], limit: int) -> list[tuple[str, str]]:
        """Tenant and id of sessions with unanswered messages that nobody drains; `draining` are this
        process's.
        """


class Presence(Protocol):
    """Says under which number this process is alive."""

    async def run(self, on_joined: Callable[[int], None], on_lost: Callable[[], None]) -> None:
        """Stay registered until cancelled."""


class Hints(Protocol):
    """Carries wake hints between gateways; any of them may be lost."""

    async def send(self, session_id: str) -> None:
        """Hint to all gateways."""

    async def listen(self, receive: Callable[[str], None]) -> None:
        """Receive hints until cancelled."""


class PostgresEngine:
    """`ports.TurnEngine` on the database that holds the turns.

    Turns run in `places`; each tenant may have `max_waiting` sessions here, waiting for one or drained. What
    is woken beyond that is left to the sweep, here or in another gateway.

    Safety never depends on it: a drain that runs twice is told apart by its epoch. A session with an entry in
    `_woken` has a task that will look at it again when that event is set, to the task's very end.
    """

    def __init__(
        self,
        leases: Leases,
        presence: Presence,
        hints: Hints,
        places: Places,
        *,
        sweep_s: float,
        sweep_limit: int,
        max_waiting: int,
    ) -> None:
        self._leases = leases
        self._presence = presence
        self._hints = hints
        self._sweep_s = sweep_s
        self._sweep_limit = sweep_limit
        self._places = places
        self._max_waiting = max_waiting
        self._here: Counter[str] = Counter()
        self._instance: int | None = None
        self._sweep_now = asyncio.Event()
        self._drain: Drain | None = None
        self._retiring = False
        self._early: dict[str, str] = {}
        self._woken: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def wake(self, tenant_id: str, session_id: str) -> None:
        """Drain the session here, or hint to whoever does."""
        woken = self._woken.get(session_id)
        if woken is not None:
            woken.set()
        elif self._drain is not None and self._instance is not None:
            if self._here[tenant_id] < self._max_waiting:
                self._start(tenant_id, session_id, self._instance, self._drain)
        elif len(self._early) < self._sweep_limit:
            self._early[session_id] = tenant_id

    async def serve(self, drain: Drain) -> None:
        """Drain sessions until cancelled, then let them go for others to take."""
        self._drain = drain
        beside = tasks.together(
            presence=self._presence.run(self._joined, self._lost),
            hints=self._hints.listen(self._hinted),
            sweep=self._sweep(),
        )
        serving = asyncio.create_task(beside, name="engine")
        try:
            await asyncio.shield(serving)
        finally:
            # Drains first: while this instance still counts as alive, nobody takes what is just being let go.
            self._drain = None
            try:
                await tasks.cancel(list(self._tasks.values()))
            finally:
                await tasks.cancel([serving])

    async def retire(self) -> None:
        """Take over nothing more, and return when no session is being drained here."""
        self._retiring = True
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    def _joined(self, instance: int) -> None:
        _log.info("joined", instance=instance)
        self._instance = instance
        early, self._early = self._early, {}
        for session_id, tenant_id in early.items():
            self.wake(tenant_id, session_id)
        # What an instance before this one left behind has waited for as long as the start took.
        self._sweep_now.set()

    def _lost(self) -> None:
        """Others may have taken our sessions: stop, whatever the drains were doing."""
        self._instance = None
        for task in self._tasks.values():
            task.cancel()

    def _hinted(self, session_id: str) -> None:
        """Only the holder listens: anybody else would race for sessions that are well looked after."""
        woken = self._woken.get(session_id)
        if woken is not None:
            woken.set()

    def _start(self, tenant_id: str, session_id: str, instance: int, drain: Drain) -> None:
        woken = self._woken[session_id] = asyncio.Event()
        task = asyncio.get_running_loop().create_task(
            self._run(tenant_id, session_id, woken, instance, drain),
            name=f"drain {session_id}",
            context=deadlines.detached(),
        )
        self._here[tenant_id] += 1
        self._tasks[session_id] = task
        task.add_done_callback(lambda _: self._forget(tenant_id, session_id, task))

    async def _run(
        self, tenant_id: str, session_id: str, woken: asyncio.Event, instance: int, drain: Drain
    ) -> None:
        try:
            # Before the claim: what waits here can be taken by a gateway that has a place.
            async with self._places.of(tenant_id) as place:
                hold = Hold(session_id, woken, instance, place.aside)
                again = await self._hold(hold, instance, drain)
            # No await from here on: a wake is seen above, or finds no entry and starts a drain of its own.
            self._woken.pop(session_id, None)
            if again or woken.is_set():
                self.wake(tenant_id, session_id)
        except errors.StoreUnavailable:
            _log.warning("store away, left to the sweep", session=session_id)
        except Exception:  # noqa: BLE001
            _log.exception("drain failed, left to the sweep", session=session_id)

    async def _hold(self, hold: Hold, instance: int, drain: Drain) -> bool:
        """Drain if the session can be claimed, else hint to its holder; true when to look again."""
        if not await self._leases.claim(hold.session_id, instance):
            hold.woken.clear()
            await self._hints.send(hold.session_id)
            return False
        try:
            await drain(hold)
        finally:
            again = await asyncio.shield(self._leases.release(hold.session_id, instance))
        return again

    def _forget(self, tenant_id: str, session_id: str, task: asyncio.Task[None]) -> None:
        self._here[tenant_id] -= 1
        if not self._here[tenant_id]:
            del self._here[tenant_id]
        if self._tasks.get(session_id) is task:
            del self._tasks[session_id]
            self._woken.pop(session_id, None)

    async def _sweep(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._sweep_s * random.uniform(0.75, 1.25)):  # noqa: S311
                    await self._sweep_now.wait()
            self._sweep_now.clear()
            instance = self._instance
            if instance is None or self._retiring:
                continue
            try:
                found = await self._leases.abandoned(instance, list(self._woken), self._sweep_limit)
            except errors.StoreUnavailable:
                continue
            for tenant_id, session_id in found:
                self.wake(tenant_id, session_id)
