import asyncio
from collections.abc import Sequence

import pytest

from focal_service_kit import tasks
from focal_turn_gateway import errors
from focal_turn_gateway.core.abuse_desk import AbuseDesk
from focal_turn_gateway.core.look_for_abuse import Figures, LookForAbuse, Windows
from focal_turn_gateway.core.standings import Standings
from focal_turn_gateway.domain.abuse import Cause, Level, Terms
from focal_turn_gateway.domain.abuse_detectors import (
    BotFigures,
    Counted,
    Customer,
    OftenFigures,
    Pace,
    SpamFigures,
    Texts,
)
from focal_turn_gateway.domain.error_policy import Target
from focal_turn_gateway.ports.abuse import AddressHits
from tests.fakes.abuse import Cache, Records
from tests.fakes.turn_gateway import Feed
from tests.fakes.until import until

FIGURES = Figures(
    Windows(3600, 86_400, 1800, 900),
    OftenFigures(10, Level.HIGH),
    OftenFigures(5, Level.MEDIUM),
    ("policy.safety_refusal",),
    SpamFigures(),
    BotFigures(),
)
ADA, BOB, CIA = (Customer("acme", f"cus_{name}") for name in ("ada", "bob", "cia"))


class Facts:
    """`AbuseFacts` and `RateHits` over what was seen; `claims` says how many looks are to be had."""

    def __init__(self) -> None:
        self.claims = 0
        self.away = self.valkey_away = False
        self.asked: list[tuple[float, int]] = []

    async def claim(self, every_s: float) -> bool:
        if self.away:
            raise errors.StoreUnavailable
        self.claims -= 1
        return self.claims >= 0

    async def often(self, window_s: float, more_than: int) -> list[AddressHits]:
        if self.valkey_away:
            raise errors.CacheAway
        self.asked.append((window_s, more_than))
        return [AddressHits("acme", "ada", {0.0: 12})]

    async def rate_hits(self, found: Sequence[AddressHits]) -> list[Counted]:
        return [Counted(ADA, sum(each.hits.values())) for each in found]

    async def safety_refusals(
        self, window_s: float, names: Sequence[str], more_than: int, limit: int
    ) -> list[Counted]:
        self.asked.append((window_s, more_than))
        return [Counted(BOB, 6)]

    async def texts(self, window_s: float, at_least: int, limit: int) -> list[Texts]:
        self.asked.append((window_s, at_least))
        return [Texts(ADA, 20, 1), Texts(BOB, 20, 20)]

    async def paces(self, window_s: float, at_least: int, limit: int) -> list[Pace]:
        self.asked.append((window_s, at_least))
        return [Pace(CIA, 30, 1.0, 0.5)]


class Place:
    def __init__(self, every_s: float = 900) -> None:
        self.facts, self.records = Facts(), Records()
        standings = Standings(self.records, Cache(), refresh_s=30, poll_s=1)
        desk = AbuseDesk(self.records, standings, Feed(), Target.SILENT_LOG)
        self.look = LookForAbuse(self.facts, self.facts, desk, FIGURES, Terms(), every_s, most=100)

    @property
    def found(self) -> list[tuple[str, Level, Cause]]:
        return [(finding.customer_id, finding.level, finding.cause) for finding, _ in self.records.noted]


async def test_every_detector_looks_back_as_far_as_it_is_told_and_the_gravest_is_noted_first() -> None:
    place = Place()
    await place.look.once()
    assert place.facts.asked == [(3600, 10), (86_400, 5), (1800, 5), (900, 10)]
    assert place.found == [
        ("cus_ada", Level.HIGH, Cause.RATE_HITS),
        ("cus_bob", Level.MEDIUM, Cause.SAFETY_REFUSALS),
        ("cus_cia", Level.MEDIUM, Cause.BOT),
        ("cus_ada", Level.LOW, Cause.SPAM),
    ]


async def test_without_valkey_the_others_still_look() -> None:
    place = Place()
    place.facts.valkey_away = True
    await place.look.once()
    assert Cause.RATE_HITS not in {cause for _, _, cause in place.found}
    assert len(place.found) == 3


async def test_only_who_has_the_look_looks_and_a_store_that_is_away_is_asked_again() -> None:
    place = Place(every_s=0.015)
    place.facts.away = True
    running = asyncio.ensure_future(place.look.run())
    await until(lambda: running.done() or place.facts.claims == 0, "it asks")
    place.facts.away = False
    await until(lambda: place.facts.claims < -3, "it asks again and again")
    assert place.found == []
    place.facts.claims = 1
    await until(lambda: len(place.found) == 4, "it has the look")
    await until(lambda: place.facts.claims < -3, "it asks again and again")
    assert len(place.found) == 4
    await tasks.cancel([running])


@pytest.mark.parametrize("known", [True, False])
async def test_a_customer_that_is_gone_meanwhile_keeps_nobody_else_from_being_found(
    known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place()
    note = place.records.note

    async def noting(tenant_id: str, finding: object, *rest: object) -> object:
        if not known and finding.customer_id == "cus_bob":  # type: ignore[attr-defined]
            raise errors.CustomerNotFound("cus_bob")
        return await note(tenant_id, finding, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(place.records, "note", noting)
    await place.look.once()
    assert len(place.found) == (4 if known else 3)
