from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focal_pipeline.core import retrieval, rule_filter
from focal_pipeline.core.runtime import AgentRuntime
from focal_pipeline.domain.bundle import Rule, Scope
from focal_pipeline.domain.session import SessionState
from focal_pipeline.settings import RuleSettings
from tests.fakes import pipeline as fakes
from tests.fakes.work import steps

LIMITS = RuleSettings()


def ids(matched: tuple[rule_filter.Matched, ...]) -> list[str]:
    return [m.rule.rule_id for m in matched]


def matching(
    rules: list[Rule],
    hybrid: list[float],
    *,
    scopes: tuple[str, ...] = ("",),
    state: SessionState | None = None,
    limits: RuleSettings = LIMITS,
) -> list[str]:
    runtime = fakes.compiled(rules=rules)
    scores = np.array(hybrid, np.float32)
    return ids(rule_filter.match(runtime, scores, scopes, state or SessionState(), 0.5, limits))


def test_the_threshold_applies_to_the_hybrid_part_and_priority_only_ranks() -> None:
    rules = [Rule("a", "x", priority=100), Rule("b", "y"), Rule("c", "z", priority=50)]
    assert matching(rules, [0.49, 0.9, 0.51]) == ["c", "b"]


def test_a_tie_goes_to_the_smaller_id() -> None:
    assert matching([Rule("b", "x"), Rule("a", "x"), Rule("c", "x")], [0.7, 0.7, 0.7]) == ["a", "b", "c"]


def test_a_narrower_scope_outranks_a_wider_one() -> None:
    rules = [Rule("a", "x"), Rule("b", "x", scope=Scope.STEP, scope_id="s#one")]
    assert matching(rules, [0.7, 0.7], scopes=("", "s", "s#one")) == ["b", "a"]


def test_rules_of_scopes_that_are_not_active_do_not_apply() -> None:
    rules = [
        Rule("a", "x", scope=Scope.SCENARIO, scope_id="s"),
        Rule("b", scope_id="s", scope=Scope.SCENARIO, always=True),
    ]
    assert matching(rules, [0.9]) == []
    assert matching(rules, [0.9], scopes=("", "s")) == ["a", "b"]


def test_a_rule_rests_for_its_cooldown() -> None:
    rule = Rule("a", "x", cooldown_turns=2)
    assert matching([rule], [0.9], state=SessionState(turn_index=5, rule_last_turn={"a": 5})) == []
    assert matching([rule], [0.9], state=SessionState(turn_index=6, rule_last_turn={"a": 5})) == []
    assert matching([rule], [0.9], state=SessionState(turn_index=7, rule_last_turn={"a": 5})) == ["a"]


@pytest.mark.parametrize(("most", "applies"), [(0, True), (3, False), (4, True)])
def test_a_rule_fires_at_most_so_often(most: int, applies: bool) -> None:
    state = SessionState(rule_fire_counts={"a": 3}, turn_index=9, rule_last_turn={"a": 1})
    assert bool(matching([Rule("a", "x", max_fires_per_session=most)], [0.9], state=state)) is applies


def test_what_always_applies_obeys_its_limits_too() -> None:
    state = SessionState(rule_fire_counts={"a": 1})
    assert matching([Rule("a", always=True, max_fires_per_session=1)], [], state=state) == []


def test_limits_cap_what_is_scored_but_not_what_always_applies() -> None:
    rules = [*(Rule(f"r{n}", "x") for n in range(9)), Rule("z", always=True)]
    found = matching(rules, [0.9] * 9, limits=RuleSettings(matched=4, matched_per_scope=3))
    assert found == ["r0", "r1", "r2", "z"]


@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.integers(-100, 100)), min_size=1, max_size=20))
def test_the_order_depends_on_scores_alone_and_ties_fall_to_priority_then_id(
    scored: list[tuple[float, int]],
) -> None:
    rules = [Rule(f"r{n:02}", "x", priority=priority) for n, (_, priority) in enumerate(scored)]
    runtime = fakes.compiled(rules=rules)
    hybrid = np.array([score for score, _ in scored], np.float32)
    limits = RuleSettings(matched=20, matched_per_scope=20)
    found = rule_filter.match(runtime, hybrid, ("",), SessionState(), 0.5, limits)
    assert {m.rule.rule_id for m in found} == {
        r.rule_id for r, h in zip(rules, hybrid, strict=True) if h >= 0.5
    }
    keys = [(-(m.score or 0), -m.rule.priority, m.rule.rule_id) for m in found]
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("text", "hits"), [("where is word7 of word14 and word21", True), ("nothing that any says", False)]
)
def test_ten_times_the_rules_are_matched_in_as_many_steps(text: str, hits: bool) -> None:
    query = fakes.EMBEDDER.vector(text)

    def matched(runtime: AgentRuntime) -> tuple[rule_filter.Matched, ...]:
        found = retrieval.scored(runtime, text, query)
        return rule_filter.match(runtime, found.hybrid, ("",), SessionState(), 0.3, LIMITS)

    few, many = runtime_of(200), runtime_of(2000)
    assert bool(matched(few)) is bool(matched(many)) is hits
    assert steps(partial(matched, many)) <= 1.1 * steps(partial(matched, few))


def runtime_of(rules: int) -> AgentRuntime:
    words = [f"word{n}" for n in range(200)]
    texts = [" ".join(words[(n * k) % 200] for k in range(1, 9)) for n in range(rules)]
    return fakes.compiled(rules=[Rule(f"r{n:05}", text) for n, text in enumerate(texts)])
