import json

from focal_turn_gateway.core.abuse_desk import AbuseDesk
from focal_turn_gateway.core.standings import Standings
from focal_turn_gateway.domain.abuse import Cause, Finding, Level, Standing
from focal_turn_gateway.domain.error_policy import Target
from focal_turn_gateway.domain.events import AgentReported
from tests.fakes.abuse import ONCE, Cache, Records
from tests.fakes.turn_gateway import Feed


class Desk:
    def __init__(self) -> None:
        self.records, self.cache, self.live = Records(), Cache(), Feed()
        self.records.standing_now = [Standing("acme", "ada", blocked_s=60)]
        standings = Standings(self.records, self.cache, refresh_s=30, poll_s=1)
        self.desk = AbuseDesk(self.records, standings, self.live, Target.INTERNAL_ALERT)


def found(level: Level) -> Finding:
    return Finding("cus_1", level, Cause.RATE_HITS, 24.0, {"rate_hits": 11})


async def test_what_is_noted_counts_at_once_and_followers_are_told() -> None:
    place = Desk()
    assert await place.desk.note("acme", found(Level.HIGH), ONCE)
    assert set(place.cache.kept) == {"ada"}
    assert place.live.hinted == ["ses_1"]
    assert place.records.noted == [(found(Level.HIGH), [])]


async def test_a_block_without_an_end_is_escalated() -> None:
    place = Desk()
    await place.desk.note("acme", found(Level.CRITICAL), ONCE)
    [(_, [event])] = place.records.noted
    assert isinstance(event.body, AgentReported)
    assert (event.body.category, event.body.type) == ("infra", "error.escalated")
    assert json.loads(event.body.payload_json)["target"] == "internal_alert"


async def test_what_is_no_graver_than_what_holds_changes_nothing() -> None:
    place = Desk()
    place.records.refused = {"cus_1"}
    assert await place.desk.note("acme", found(Level.LOW), ONCE) is None
    assert (place.cache.kept, place.live.hinted) == ({}, [])


async def test_who_is_let_in_again_is_at_once() -> None:
    place = Desk()
    await place.desk.note("acme", found(Level.HIGH), ONCE)
    place.records.standing_now = [Standing("acme", "ada")]
    await place.desk.lift("acme", "cus_1", "ops", "mistake", ONCE)
    assert place.cache.kept == {"ada": Standing("acme", "ada")}
