from collections import Counter
from typing import Any

import pytest

from focal_embedding import Thresholds
from focal_pipeline.core.scenario_walk import Walk
from focal_pipeline.domain.bundle import Scenario, Step, StepType, ToolBinding, Transition

THRESHOLDS = Thresholds(transition=0.6, margin=0.1)


def walk(
    *steps: Step,
    start: str = "a",
    known: dict[str, Any] | None = None,
    scores: dict[str, dict[int, float]] | None = None,
    asked: str = "",
    visits: dict[str, int] | None = None,
    most_steps: int = 10,
    unsettled: frozenset[str] = frozenset(),
) -> tuple[str, ...]:
    walking = Walk(
        scenario=Scenario("s", steps=steps, entry_step_id="a"),
        known=known or {},
        text_scores=lambda step_id: (scores or {}).get(step_id, {}),
        thresholds=THRESHOLDS,
        asked=asked,
        visits=Counter(visits or {}),
        unsettled=unsettled,
        most_visits=5,
        most_steps=most_steps,
    )
    return walking.path(start)


def to(step_id: str, text: str = "", **more: Any) -> Transition:
    return Transition(step_id, text, **more)


def step(step_id: str, *transitions: Transition, **more: Any) -> Step:
    return Step(step_id, transitions=transitions, **more)


ACTIONS = (step("a", to("b"), type=StepType.ACTION), step("b", to("c")), step("c", is_terminal=True))


def test_steps_that_wait_for_nothing_are_walked_at_once() -> None:
    assert walk(*ACTIONS) == ("a", "b", "c")


def test_the_walk_waits_where_a_value_is_missing() -> None:
    steps = (step("a", to("b"), collects=("x",)), step("b", is_terminal=True))
    assert walk(*steps) == ("a",)
    assert walk(*steps, known={"x": 1}) == ("a", "b")


def test_an_open_question_waits_for_its_answer() -> None:
    steps = (step("a", to("b"), type=StepType.QUESTION), step("b", is_terminal=True))
    assert walk(*steps) == ("a",)
    assert walk(*steps, asked="a") == ("a", "b")


@pytest.mark.parametrize(("value", "end"), [(True, "b"), (False, "c"), (1, "a")])
def test_values_choose_the_way_and_types_matter(value: Any, end: str) -> None:
    steps = (
        step(
            "a",
            to("b", condition_values={"x": "true"}),
            to("c", condition_values={"x": "false"}),
            collects=("x",),
        ),
        step("b", is_terminal=True),
        step("c", is_terminal=True),
    )
    assert walk(*steps, known={"x": value})[-1] == end


def test_a_transition_whose_fields_are_missing_is_no_way_out() -> None:
    assert walk(step("a", to("b", condition_fields=("x",))), step("b")) == ("a",)


CANCEL = (
    step("a", to("b", condition_fields=("x",)), to("c", "cancel"), collects=("x",)),
    step("b"),
    step("c", is_terminal=True),
)


def test_words_may_leave_a_question_unanswered() -> None:
    assert walk(*CANCEL, asked="a", scores={"a": {1: 0.9}}) == ("a", "c")


def test_words_below_the_threshold_move_nothing() -> None:
    assert walk(*CANCEL, asked="a", scores={"a": {1: 0.59}}) == ("a",)


def test_what_is_said_outweighs_what_is_known_at_equal_priority() -> None:
    assert walk(*CANCEL, known={"x": 1}, asked="a", scores={"a": {1: 0.9}}) == ("a", "c")


def test_two_texts_too_close_to_tell_apart_move_nothing() -> None:
    steps = (
        step("a", to("b", "one"), to("c", "two")),
        step("b", is_terminal=True),
        step("c", is_terminal=True),
    )
    assert walk(*steps, asked="a", scores={"a": {0: 0.80, 1: 0.75}}) == ("a",)
    assert walk(*steps, asked="a", scores={"a": {0: 0.90, 1: 0.75}}) == ("a", "b")


def test_priority_comes_before_likeness() -> None:
    steps = (step("a", to("b", "one"), to("c", "two", priority=5)), step("b"), step("c"))
    assert walk(*steps, asked="a", scores={"a": {0: 0.99, 1: 0.7}})[1] == "c"


def test_a_text_without_a_vector_counts_as_certain() -> None:
    assert walk(step("a", to("b", "one")), step("b"), asked="a") == ("a", "b")


def test_a_way_that_hangs_on_a_tool_is_not_chosen_before_the_tool_ran() -> None:
    looks = ToolBinding("look", result_variables={"status": "status"})
    steps = (
        step("a", to("b"), tool_bindings=(looks,)),
        step("b", to("c"), to("d", condition_values={"status": '"old"'})),
        step("c", is_terminal=True),
        step("d", is_terminal=True),
    )
    assert walk(*steps, unsettled=frozenset({"status"})) == ("a", "b")
    assert walk(*steps, start="b", known={"status": "old"}) == ("b", "d")
    assert walk(*steps, start="b", known={"status": "new"}) == ("b", "c")


def test_a_loop_ends_after_its_visits() -> None:
    steps = (step("a", to("b")), step("b", to("a")))
    assert len(walk(*steps, most_steps=100)) == 10
    assert walk(*steps, visits={"b": 5}) == ("a",)


def test_a_walk_has_a_longest_length() -> None:
    steps = (*(step(f"s{n}", to(f"s{n + 1}")) for n in range(20)), step("s20"))
    assert walk(*steps, start="s0", most_steps=4) == ("s0", "s1", "s2", "s3", "s4")
