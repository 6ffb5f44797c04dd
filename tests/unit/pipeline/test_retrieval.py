from typing import Any

import numpy as np
import pytest

from focal_embedding import EmbeddingError
from focal_pipeline.core import retrieval
from focal_pipeline.core.retrieval import Retrieval
from focal_pipeline.domain.bundle import Rule, Scenario, Step, Transition
from focal_pipeline.ports import Recalled
from focal_pipeline.settings import MemorySettings
from tests.fakes import pipeline as fakes

RULES = [Rule("hours", "opening hours of the shop"), Rule("parcel", "where is my parcel")]
STEP = Step("one", transitions=(Transition("two"), Transition("two", "cancel the return")))
SCENARIO = Scenario("s", entry_conditions=("return an order", "send it back"), steps=(STEP, Step("two")))


async def retrieve(text: str, memory: fakes.Memory | None = None, embedder: Any = fakes.EMBEDDER) -> Any:
    output = fakes.Output()
    found = await Retrieval(embedder, memory or fakes.Memory(), MemorySettings()).retrieve(
        fakes.make_turn(text), fakes.compiled(rules=RULES, scenarios=[SCENARIO]), output
    )
    return found, output


async def test_the_rule_that_says_the_same_scores_highest() -> None:
    found, _ = await retrieve("where is my parcel?")
    assert found.hybrid.argmax() == 1
    assert found.hybrid[1] == pytest.approx(1.0, abs=0.05)


async def test_the_best_entry_condition_counts_for_a_scenario() -> None:
    found, _ = await retrieve("send it back")
    assert found.entries["s"] == pytest.approx(1.0, abs=1e-5)


async def test_transitions_are_scored_by_their_number() -> None:
    runtime = fakes.compiled(scenarios=[SCENARIO])
    scores = retrieval.transition_scores(runtime, fakes.EMBEDDER.vector("cancel the return"), "s", "one")
    assert scores == {1: pytest.approx(1.0, abs=1e-5)}
    assert retrieval.transition_scores(runtime, fakes.EMBEDDER.vector("x"), "s", "two") == {}


async def test_memory_that_is_away_is_reported_and_left_out() -> None:
    found, output = await retrieve("hello", fakes.Memory(away="deadline_exceeded"))
    assert found.recalled == ()
    assert [(e.type, e.payload) for e in output.events] == [("degraded", {"reason": "deadline_exceeded"})]


async def test_what_memory_recalls_is_handed_on() -> None:
    found, _ = await retrieve("hello", fakes.Memory(said=[Recalled("a", "customer")]))
    assert found.recalled == (Recalled("a", "customer"),)


async def test_a_turn_without_text_asks_nobody() -> None:
    memory = fakes.Memory()
    found, _ = await retrieve("  ", memory)
    assert not memory.queries
    assert not found.hybrid.any()


class BrokenEmbedder:
    model, dimensions, thresholds = fakes.EMBEDDER.model, fakes.EMBEDDER.dimensions, fakes.EMBEDDER.thresholds

    async def embed(self, texts: Any) -> Any:
        raise EmbeddingError("the endpoint is away")


async def test_an_embedding_that_is_away_leaves_the_words() -> None:
    found, output = await retrieve("parcel", embedder=BrokenEmbedder())
    assert found.hybrid == pytest.approx(np.array([0, 0.3]))
    assert output.names == ["infra.brain.embedding_degraded"]
