from focal_pipeline.core import bound_tools
from focal_pipeline.core.rule_filter import Matched
from focal_pipeline.domain.bundle import Rule, Scenario, Scope, Step, ToolMoment
from focal_pipeline.domain.course import Course
from focal_pipeline.domain.session import ScenarioInstance
from tests.fakes import pipeline as fakes

TOOLS = [fakes.tool(name) for name in ("a", "b", "c", "d", "e")]
STEPS = (
    Step("one", tool_bindings=(fakes.binding("b"), fakes.binding("a", when=ToolMoment.BEFORE_STEP))),
    Step("two", tool_bindings=(fakes.binding("c"), fakes.binding("e", when=ToolMoment.AFTER_STEP))),
    Step("three", tool_bindings=(fakes.binding("d"), fakes.binding("off"))),
)
SCENARIO = Scenario("s", steps=STEPS, entry_step_id="one")
RUNTIME = fakes.compiled(tools=TOOLS, scenarios=[SCENARIO])


def course(*path: str, started: bool = True, finished: tuple[str, ...] = ()) -> Course:
    return Course(SCENARIO, ScenarioInstance("s", path[0], finished_tools=finished), path, started)


def names(groups: object) -> list[tuple[str, list[str]]]:
    return [(g.step_id, [p.tool_name for p in g.tools]) for g in groups]  # type: ignore[attr-defined]


def test_rules_bring_tools_from_the_widest_scope_to_the_narrowest() -> None:
    rules = [
        Rule("x", scope=Scope.STEP, scope_id="s#one", tool_bindings=(fakes.binding("a"),)),
        Rule("y", tool_bindings=(fakes.binding("b"),)),
        Rule("z", scope=Scope.SCENARIO, scope_id="s", tool_bindings=(fakes.binding("c"),)),
    ]
    groups = bound_tools.of_rules(RUNTIME, [Matched(rule, 0.9) for rule in rules])
    assert names(groups) == [("", ["b", "c", "a"])]


def test_steps_bring_tools_in_the_order_walked_and_by_moment() -> None:
    assert names(bound_tools.of_course(RUNTIME, course("one", "two", "three"), 0)) == [
        ("one", ["a"]),
        ("one", ["b"]),
        ("two", ["c"]),
        ("two", ["e"]),
        ("three", ["d"]),
    ]


def test_a_step_that_is_not_left_runs_no_tools_for_afterwards() -> None:
    assert ("two", ["e"]) not in names(bound_tools.of_course(RUNTIME, course("one", "two"), 0))


def test_what_succeeded_on_the_step_before_this_turn_does_not_run_again() -> None:
    stayed = course("one", started=False, finished=("b",))
    assert names(bound_tools.of_course(RUNTIME, stayed, 0)) == [("one", ["a"])]


def test_a_further_leg_runs_only_what_came_with_it() -> None:
    assert names(bound_tools.of_course(RUNTIME, course("one", "two", "three"), 2)) == [
        ("two", ["e"]),
        ("three", ["d"]),
    ]
