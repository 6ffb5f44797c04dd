from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from focal_kernel.errors import FailedPrecondition, FocalError, InvalidArgument, NotFound, Unavailable
from focal_toolbox.core.expiring import Expiry
from focal_toolbox.core.following_up import FollowingUp, Pace
from focal_toolbox.domain import report as tokens
from focal_toolbox.domain.effect import Effect, State
from focal_toolbox.domain.report import FollowUp, Report
from tests.fakes.toolbox.ledger import MemoryLedger
from tests.fakes.toolbox.meters import CountingReportMeter
from tests.fakes.toolbox.reports import MemoryReports
from tests.fakes.toolbox.wishes import to_refund
from tests.fakes.until import until

AWAY = Unavailable("DEPENDENCY_UNAVAILABLE", "away")
PACE = Pace(every_s=0.002, first_pause_s=1, longest_pause_s=8)


@dataclass
class Conversations:
    """Raises `failures` one by one, then opens turns."""

    failures: list[FocalError] = field(default_factory=list)
    opened: list[Effect] = field(default_factory=list)

    async def follow_up(self, follow_up: FollowUp) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.opened.append(follow_up.effect)


@dataclass
class Scene:
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    conversations: Conversations = field(default_factory=Conversations)
    meter: CountingReportMeter = field(default_factory=CountingReportMeter)

    def __post_init__(self) -> None:
        self.reports = MemoryReports(self.ledger)
        self.following = FollowingUp(self.reports, self.conversations, self.meter, PACE)

    async def accepted(self, number: int = 1) -> str:
        """The token of an effect that was taken on."""
        token = tokens.new_token()
        asked = replace(to_refund(number), token_hash=tokens.token_hash(token))
        effect = (await self.ledger.reserve(asked)).effect
        assert effect
        await self.reports.accept(effect, 0, 0)
        return token

    async def reported(self, number: int = 1) -> None:
        token = await self.accepted(number)
        assert await self.reports.report(tokens.token_hash(token), Report(State.DONE, "1"))


async def test_what_is_due_is_opened_and_forgotten() -> None:
    scene = Scene()
    await scene.reported(1)
    await scene.reported(2)
    assert await scene.following.once() == 2
    assert {effect.state for effect in scene.conversations.opened} == {State.DONE}
    assert (await scene.following.once(), scene.meter.backlog) == (0, 0)


async def test_a_gateway_that_is_away_is_tried_again_with_growing_pauses() -> None:
    scene = Scene(conversations=Conversations([AWAY] * 6))
    await scene.reported()
    for _ in range(7):
        assert scene.meter.backlog in {0, 1}
        await scene.following.once()
    assert len(scene.conversations.opened) == 1
    expected = [1, 2, 4, 8, 8, 8]
    assert all(abs(found - due) <= due / 4 for found, due in zip(scene.reports.pauses, expected, strict=True))


@pytest.mark.parametrize("refusal", [NotFound, FailedPrecondition, InvalidArgument])
async def test_a_refusal_for_good_ends_it(refusal: type[FocalError]) -> None:
    scene = Scene(conversations=Conversations([refusal("SESSION_ENDED", "over")]))
    await scene.reported()
    await scene.following.once()
    assert (scene.meter.dropped, scene.meter.backlog, scene.conversations.opened) == (1, 0, [])


async def test_the_sender_outlives_a_ledger_that_is_away() -> None:
    scene = Scene()

    async def away(limit: int, claim_s: float) -> list[FollowUp]:
        scene.reports.claim = MemoryReports.claim.__get__(scene.reports)  # type: ignore[method-assign]
        raise AWAY

    scene.reports.claim = away  # type: ignore[method-assign]
    await scene.reported()
    running = asyncio.create_task(scene.following.run())
    scene.following.wake("eff_1")
    await until(lambda: scene.conversations.opened, "the turn is opened")
    running.cancel()


async def test_missing_reports_are_counted() -> None:
    scene = Scene()
    await scene.accepted()
    expiry = Expiry(scene.reports, scene.meter, 0.001)
    assert await expiry.once() == 0
    scene.reports.lapsed = True
    running = asyncio.create_task(expiry.run())
    await until(lambda: scene.meter.missing == 1, "it is missed")
    running.cancel()


def test_reports_of_other_content_differ() -> None:
    reports = [
        Report(State.DONE, "1"),
        Report(State.DONE, "2"),
        Report(State.FAILED, error_reason="1"),
        Report(State.FAILED, error_reason="2"),
    ]
    assert len({each.digest for each in reports}) == len(reports)
