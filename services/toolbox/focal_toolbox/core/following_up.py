"""Opens the turns that tell of results which came after their call had returned.

At least once and, because the gateway knows the request by its id, once: what is written with the report is
sent until it is acknowledged. Every toolbox sends; a claim keeps one row with one of them.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass

from focal_kernel.errors import FailedPrecondition, FocalError, InvalidArgument, NotFound, Unavailable
from focal_service_kit import logging
from focal_toolbox.domain.report import FollowUp
from focal_toolbox.ports.meter import ReportMeter
from focal_toolbox.ports.reports import Conversations, FollowUps

_NEVER = (NotFound, FailedPrecondition, InvalidArgument)
"""Refusals that a repetition does not change: the session has gone or ended, or takes no such turn."""

_log = logging.get("follow_ups")


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between looks for due turns; turns opened at once; seconds that one process holds what it
    claimed; the first and the longest pause after a failure, in seconds (doubling).
    """

    every_s: float = 1.0
    at_once: int = 16
    claim_s: float = 30.0
    first_pause_s: float = 0.5
    longest_pause_s: float = 60.0

    def pause_s(self, attempts: int) -> float:
        """The pause after that many tries, spread by ±25 %."""
        pause = min(self.first_pause_s * 2.0 ** min(attempts - 1, 16), self.longest_pause_s)
        return pause * random.uniform(0.75, 1.25)  # noqa: S311 - no secret depends on it


class FollowingUp:
    """Sends what is due until cancelled."""

    def __init__(self, desk: FollowUps, conversations: Conversations, meter: ReportMeter, pace: Pace) -> None:
        self._desk = desk
        self._conversations = conversations
        self._meter = meter
        self._pace = pace
        self._due = asyncio.Event()

    def wake(self, _effect_id: str) -> None:
        """Look now instead of at the next round."""
        self._due.set()

    async def run(self) -> None:
        """Look again and again; a ledger that is away is tried again."""
        while True:
            try:
                full = await self.once() == self._pace.at_once
            except Unavailable as away:
                _log.warning("follow-up turns wait", error=away.message)
                full = False
            if not full:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._pace.every_s * random.uniform(0.75, 1.25)):  # noqa: S311
                        await self._due.wait()
            self._due.clear()

    async def once(self) -> int:
        """Open what is due; returns how many were tried."""
        found = await self._desk.claim(self._pace.at_once, self._pace.claim_s)
        async with asyncio.TaskGroup() as group:
            for follow_up in found:
                group.create_task(self._open(follow_up), name=f"follow up {follow_up.effect.effect_id}")
        self._meter.follow_ups(await self._desk.waiting())
        return len(found)

    async def _open(self, follow_up: FollowUp) -> None:
        effect_id = follow_up.effect.effect_id
        try:
            try:
                await self._conversations.follow_up(follow_up)
            except _NEVER as refusal:
                _log.warning("follow-up turn dropped", effect=effect_id, reason=refusal.reason)
                self._meter.follow_up_dropped()
            await self._desk.done(effect_id)
        except FocalError as failure:
            # What cannot even be given back is claimed again when this claim lapses.
            _log.warning("follow-up turn failed", effect=effect_id, reason=failure.reason)
            with suppress(Unavailable):
                await self._desk.again(effect_id, self._pace.pause_s(follow_up.attempts))
