import pytest

from focal_pipeline import errors
from focal_pipeline.core import runtime
from focal_pipeline.domain.bundle import Bundle, Rule, Scenario, Scope, Step, Transition, Variable
from tests.fakes import pipeline as fakes


def test_disabled_rules_and_scenarios_are_not_compiled() -> None:
    compiled = fakes.compiled(
        rules=[Rule("a", "hello"), Rule("b", "bye", enabled=False)],
        scenarios=[Scenario("s", enabled=False)],
    )
    assert [rule.rule_id for rule in compiled.table.rules] == ["a"]
    assert not compiled.scenarios


def test_rules_that_always_apply_are_not_scored_and_come_by_priority() -> None:
    compiled = fakes.compiled(
        rules=[Rule("a", always=True), Rule("b", always=True, priority=5), Rule("c", "hello")]
    )
    assert [rule.rule_id for rule in compiled.always[""]] == ["b", "a"]
    assert [rule.rule_id for rule in compiled.table.rules] == ["c"]


def test_rules_are_indexed_by_their_scope() -> None:
    compiled = fakes.compiled(
        rules=[Rule("a", "x"), Rule("b", "y", scope=Scope.SCENARIO, scope_id="s"), Rule("c", "z")]
    )
    assert {key: rows.tolist() for key, rows in compiled.table.rows_by_scope.items()} == {
        "": [0, 2],
        "s": [1],
    }


def test_only_transitions_with_a_text_have_vectors() -> None:
    step = Step("one", transitions=(Transition("two"), Transition("two", "the customer cancels")))
    compiled = fakes.compiled(scenarios=[Scenario("s", steps=(step, Step("two")), entry_step_id="one")])
    numbers, vectors = compiled.transitions["s#one"]
    assert numbers == (1,)
    assert vectors.shape == (1, fakes.EMBEDDER.dimensions)


def test_vectors_of_another_embedding_are_refused() -> None:
    bundle = fakes.bundle(rules=[Rule("a", "hello")])
    foreign = Bundle(**{**{f: getattr(bundle, f) for f in bundle.__slots__}, "embedding_model": "other/1"})
    with pytest.raises(errors.EmbeddingMismatch) as caught:
        runtime.compile_bundle(foreign, fakes.EMBEDDER)
    assert caught.value.metadata["bundle"] == "other/1"


def test_tools_that_depend_on_one_another_are_refused() -> None:
    step = Step(
        "one",
        tool_bindings=(
            fakes.binding("a", depends_on=("b",)),
            fakes.binding("b", depends_on=("a",)),
        ),
    )
    with pytest.raises(errors.BundleUnusable, match="depend on one another"):
        fakes.compiled(scenarios=[Scenario("s", steps=(step,))])


def test_a_pattern_that_is_no_expression_is_refused() -> None:
    with pytest.raises(errors.BundleUnusable, match="order_id"):
        fakes.compiled(variables=[Variable("order_id", pattern="(")])
