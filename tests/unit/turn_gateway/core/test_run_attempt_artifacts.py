"""What an attempt finds and keeps for the next one."""

from collections.abc import AsyncIterator

import pytest

from focal_turn_gateway import errors
from focal_turn_gateway.core.run_attempt import Finished, Superseded
from focal_turn_gateway.domain.turns import Artifact, SupersedeAction
from focal_turn_gateway.ports.pipeline import OfferedArtifact, PipelineFrame
from tests.fakes.gateway_attempts import Place, decision
from tests.fakes.turn_gateway import (
    ScriptedRun,
    result,
)
from tests.fakes.until import until


async def test_an_artifact_is_stored_before_it_is_acknowledged() -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        yield OfferedArtifact(Artifact("tool_plan", "{}"), acknowledge=True)
        assert await run.stored.get() == "tool_plan"
        assert [artifact.name for artifact in place.turns.artifacts] == ["tool_plan"]
        yield result("msg_1")

    place = Place(script)
    await place.finish(await place.opened())
    assert place.pipeline.runs[0].stored.empty()


async def test_an_artifact_that_nobody_waits_for_is_stored_with_the_next_batch_of_events() -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        yield OfferedArtifact(Artifact("retrieval", "{}"), acknowledge=False)
        await until(lambda: place.turns.artifacts, "it was stored")
        yield OfferedArtifact(Artifact("draft", "{}"), acknowledge=False)
        yield result("msg_1")

    place = Place(script)
    await place.finish(await place.opened())
    assert [artifact.name for artifact in place.turns.artifacts] == ["retrieval"]
    assert place.pipeline.runs[0].stored.empty()


async def test_a_turn_that_is_replaced_hands_on_what_it_found() -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        yield OfferedArtifact(Artifact("retrieval", "{}"), acknowledge=False)
        yield decision(SupersedeAction.SUPERSEDE)

    place = Place(script)
    assert isinstance(await place.finish(await place.opened()), Superseded)
    assert [artifact.name for artifact in place.turns.artifacts] == ["retrieval"]


async def test_a_failed_attempt_leaves_what_it_found_to_the_next() -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        yield OfferedArtifact(Artifact("retrieval", "{}"), acknowledge=False)
        raise errors.AttemptFailed("the pipeline died", fatal=False)

    place = Place(script)
    with pytest.raises(errors.AttemptFailed):
        await place.finish(await place.opened())
    assert [artifact.name for artifact in place.turns.artifacts] == ["retrieval"]


async def test_a_store_that_is_away_costs_an_artifact_and_nothing_else() -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        place.turns.away = True
        yield OfferedArtifact(Artifact("retrieval", "{}"), acknowledge=False)
        raise errors.AttemptFailed("the pipeline died", fatal=False)

    place = Place(script)
    with pytest.raises(errors.AttemptFailed):
        await place.finish(await place.opened())


async def test_the_same_artifact_over_and_over_is_one() -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        for _ in range(5):
            yield OfferedArtifact(Artifact("tool_plan", "{}"), acknowledge=True)
        yield result("msg_1")

    place = Place(script)
    assert isinstance(await place.finish(await place.opened()), Finished)


@pytest.mark.parametrize("offers", [["{}"] * 3, ["x" * 101]])
async def test_more_artifacts_than_are_kept_end_the_attempt(offers: list[str]) -> None:
    async def script(run: ScriptedRun) -> AsyncIterator[PipelineFrame]:
        for number, data in enumerate(offers):
            yield OfferedArtifact(Artifact(str(number), data), acknowledge=False)
        yield result("msg_1")

    place = Place(script)
    with pytest.raises(errors.AttemptFailed):
        await place.finish(await place.opened())
