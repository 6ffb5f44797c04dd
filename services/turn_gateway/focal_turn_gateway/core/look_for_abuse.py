"""Look through the latest hours for customers that abuse agents: now and then, on one gateway at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from focal_service_kit import logging
from focal_turn_gateway import errors
from focal_turn_gateway.core.abuse_desk import AbuseDesk
from focal_turn_gateway.domain import abuse_detectors as detectors
from focal_turn_gateway.domain.abuse import Level, Terms
from focal_turn_gateway.domain.abuse_detectors import BotFigures, OftenFigures, SpamFigures, Suspect
from focal_turn_gateway.domain.triggers import Request
from focal_turn_gateway.ports.abuse import AbuseFacts, RateHits

_ASKS = 15
"""How often within a period a gateway asks whether it is to look: when one is gone, another soon does."""
_UNREPEATED = Request("", "")
_GRAVITY = list(Level)

_log = logging.get("abuse")


@dataclass(frozen=True, slots=True)
class Windows:
    """Seconds that each detector looks back."""

    rate_hits_s: float
    safety_refusals_s: float
    spam_s: float
    bot_s: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What the detectors judge by; `refusal_names` are the events that tell of a refusal for safety."""

    windows: Windows
    rate_hits: OftenFigures
    safety_refusals: OftenFigures
    refusal_names: tuple[str, ...]
    spam: SpamFigures
    bot: BotFigures


@dataclass(frozen=True, slots=True)
class LookForAbuse:
    """Looks every `every_s` seconds and finds at most `most` customers by each detector."""

    facts: AbuseFacts
    hits: RateHits
    desk: AbuseDesk
    figures: Figures
    terms: Terms
    every_s: float
    most: int

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(self.every_s / _ASKS)
            try:
                if await self.facts.claim(self.every_s):
                    await self.once()
            except errors.StoreUnavailable:
                _log.warning("store away, nobody looks for abuse")

    async def once(self) -> None:
        """One look by all detectors. Raises StoreUnavailable."""
        suspects = [
            *await self._rate_hits(),
            *await self._safety_refusals(),
            *await self._spam(),
            *await self._bots(),
        ]
        # The gravest first: what is no graver than what holds is not noted.
        for suspect in sorted(suspects, key=lambda found: -_GRAVITY.index(found.level)):
            with suppress(errors.CustomerNotFound):
                await self.desk.note(suspect.customer.tenant_id, suspect.finding(self.terms), _UNREPEATED)

    async def _rate_hits(self) -> Iterable[Suspect]:
        figures = self.figures.rate_hits
        try:
            often = await self.hits.often(self.figures.windows.rate_hits_s, figures.more_than)
        except errors.CacheAway:
            _log.warning("valkey away, rate hits are not looked at")
            return []
        counted = await self.facts.rate_hits(often[: self.most]) if often else []
        return _found(detectors.rate_hits(each, figures) for each in counted)

    async def _safety_refusals(self) -> Iterable[Suspect]:
        figures = self.figures.safety_refusals
        counted = await self.facts.safety_refusals(
            self.figures.windows.safety_refusals_s, self.figures.refusal_names, figures.more_than, self.most
        )
        return _found(detectors.safety_refusals(each, figures) for each in counted)

    async def _spam(self) -> Iterable[Suspect]:
        figures = self.figures.spam
        wrote = await self.facts.texts(self.figures.windows.spam_s, figures.messages, self.most)
        return _found(detectors.spam(each, figures) for each in wrote)

    async def _bots(self) -> Iterable[Suspect]:
        figures = self.figures.bot
        paces = await self.facts.paces(self.figures.windows.bot_s, figures.turns, self.most)
        return _found(detectors.bot(each, figures) for each in paces)


def _found(judged: Iterable[Suspect | None]) -> list[Suspect]:
    return [suspect for suspect in judged if suspect is not None]
