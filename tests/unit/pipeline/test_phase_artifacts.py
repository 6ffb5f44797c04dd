from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from focal_pipeline.core import phase_artifacts
from focal_pipeline.core.generation import Task
from focal_pipeline.core.response_plan import ResponsePlan, ResponseType
from focal_pipeline.domain.bundle import Agent
from focal_pipeline.domain.session import SessionState
from focal_pipeline.domain.turn import Exchange, Message, Turn
from focal_pipeline.ports import Recalled
from tests.fakes import pipeline as fakes

TURN = fakes.make_turn("hello", "there")
TASK = Task(Agent("desk"), ResponsePlan(ResponseType.ANSWER), TURN.text, {"n": 1}, ())


def merged(turn: Turn) -> Turn:
    """The same text as one message."""
    return replace(turn, messages=(Message("m1", turn.text),))


@pytest.mark.parametrize("change", [{"customer_id": "cus_2"}, {"messages": (Message("m1", "bye"),)}])
def test_what_retrieval_reads_tells_its_artifacts_apart(change: Mapping[str, Any]) -> None:
    read = phase_artifacts.retrieval_inputs
    assert read(TURN) == read(replace(TURN, attempt=2))
    assert read(TURN) != read(replace(TURN, **change))


@pytest.mark.parametrize(
    "change",
    [
        {"state": SessionState(variables={"order_id": "1"})},
        {"customer_data": {"name": "Ada"}},
        {"history": (Exchange("hi", "hello"),)},
        {"messages": merged(TURN).messages},
    ],
)
def test_what_orchestration_reads_tells_its_artifacts_apart(change: Mapping[str, Any]) -> None:
    read = phase_artifacts.orchestration_inputs
    assert read(TURN) == read(replace(TURN, attempt=2))
    assert read(TURN) != read(replace(TURN, **change))


@pytest.mark.parametrize(
    ("turn", "task"),
    [
        ({}, {"plan": ResponsePlan(ResponseType.ANSWER, statements=("we open at nine",))}),
        ({}, {"known": {"n": 2}}),
        ({}, {"recalled": (Recalled("I like blue", "customer"),)}),
        ({"history": (Exchange("hi", "hello"),)}, {}),
        ({"messages": (Message("m1", "bye"),)}, {}),
    ],
)
def test_what_a_draft_is_written_from_tells_its_artifacts_apart(
    turn: Mapping[str, Any], task: Mapping[str, Any]
) -> None:
    before = phase_artifacts.draft_inputs(TURN, TASK)()
    assert before == phase_artifacts.draft_inputs(replace(TURN, attempt=2), TASK)()
    assert before != phase_artifacts.draft_inputs(replace(TURN, **turn), replace(TASK, **task))()
