"""Attempts of a turn that had one before: what they take over, and what they work out anew."""

import json
from dataclasses import replace
from typing import Any

import pytest

from focal_pipeline.ports import Recalled
from tests.fakes import pipeline as fakes
from tests.fakes.pipeline_mind import ORDERS, Mind


async def test_another_attempt_reuses_what_the_first_found_and_wrote() -> None:
    """As after a crash between the last phase and the commit: same messages, same state, next attempt."""
    models, turn = fakes.Models({"first": "fine"}), fakes.make_turn("hello", attempt=1)
    first = Mind(fakes.bundle(), models, worth_ms=0)
    first.memory.said = [Recalled("I like blue", "customer")]
    await first.think(turn)
    assert [artifact.name for artifact in first.output.offered] == ["retrieval", "orchestration", "draft"]
    again = Mind(fakes.bundle(), models, worth_ms=0)
    result = await again.think(replace(turn, attempt=2, artifacts=tuple(first.output.offered)))
    assert result.reply == ("fine",)
    assert again.output.texts == ["fine"]
    assert again.memory.queries == []
    assert len(models.requests) == 1
    assert result.usage.llm_calls == 0
    assert again.counted == {("P4", "hit"): 1, ("P6", "hit"): 1, ("P9", "hit"): 1}


async def test_a_scenario_is_where_the_first_attempt_left_it() -> None:
    turn = fakes.make_turn("send it back", "10003")
    first, again = Mind(ORDERS, worth_ms=0), Mind(ORDERS, worth_ms=0)
    once = await first.think(turn)
    kept = tuple(first.output.offered)
    twice = await again.think(replace(turn, attempt=2, artifacts=kept))
    assert (twice.reply, twice.state) == (once.reply, once.state)
    assert again.counted["P6", "hit"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"scenario": "gone"},
        {"path": ["nowhere"]},
        {"path": []},
        {"values": {"unheard_of": 1}},
    ],
)
async def test_a_course_that_the_bundle_does_not_have_is_worked_out_anew(change: dict[str, Any]) -> None:
    turn = fakes.make_turn("send it back", "10003")
    first, again = Mind(ORDERS, worth_ms=0), Mind(ORDERS, worth_ms=0)
    once = await first.think(turn)
    kept = next(a for a in first.output.offered if a.name == "orchestration")
    broken = replace(kept, data_json=json.dumps({**json.loads(kept.data_json), **change}))
    twice = await again.think(replace(turn, attempt=2, artifacts=(broken,)))
    assert twice.reply == once.reply
    assert again.counted == {("P6", "invalid"): 1}


async def test_a_turn_with_more_to_say_works_out_anew() -> None:
    first, again = Mind(fakes.bundle(), worth_ms=0), Mind(fakes.bundle(), worth_ms=0)
    await first.think(fakes.make_turn("hello"))
    successor = fakes.make_turn("hello", "there", artifacts=tuple(first.output.offered), supersede_count=1)
    await again.think(successor)
    assert set(again.counted) == {("P4", "miss"), ("P6", "miss"), ("P9", "miss")}


async def test_another_version_of_the_agent_works_out_anew() -> None:
    first, again = Mind(fakes.bundle(), worth_ms=0), Mind(fakes.bundle(version=2), worth_ms=0)
    turn = fakes.make_turn("hello")
    await first.think(turn)
    await again.think(replace(turn, attempt=2, artifacts=tuple(first.output.offered)))
    assert set(again.counted) == {("P4", "miss"), ("P6", "miss"), ("P9", "miss")}


async def test_what_failed_is_not_kept() -> None:
    mind = Mind(fakes.bundle(), worth_ms=0)
    mind.memory.away = "timeout"
    await mind.think(fakes.make_turn("hello"))
    assert "retrieval" not in [artifact.name for artifact in mind.output.offered]
