"""Deviations from the format, each at its place with a way to mend it."""

import pytest

from focal_config_watcher.core.authoring import shapes, yaml_reading
from focal_config_watcher.domain.authoring.agent import Agent
from focal_config_watcher.domain.authoring.fields import Definition
from focal_config_watcher.domain.authoring.rule import Rule
from focal_config_watcher.domain.authoring.scenario import Scenario
from focal_config_watcher.domain.authoring.tool import Tool
from focal_config_watcher.domain.authoring.variable import Variable
from focal_config_watcher.domain.problem import Problem
from focal_config_watcher.domain.sources import Limits, SourceFile


def shape(kind: type[Definition], text: str) -> tuple[Definition | None, list[Problem]]:
    node, problems = yaml_reading.read(SourceFile("f.yaml", text), Limits())
    assert node is not None
    assert problems == []
    return shapes.shape(kind, node, "f.yaml")


def test_all_deviations_of_one_definition_are_reported_at_once() -> None:
    definition, problems = shape(Rule, "wen: x\npriority: 101\nenabled: 1\ntools: x\n")
    assert definition is None
    assert {(problem.reason, problem.line) for problem in problems} == {
        ("UNKNOWN_KEY", 1),
        ("MISSING_KEY", 1),
        ("OUT_OF_RANGE", 2),
        ("WRONG_TYPE", 3),
        ("WRONG_TYPE", 4),
    }


@pytest.mark.parametrize(
    ("kind", "text", "place", "reason", "words"),
    [
        (Rule, "when: x\nthn: y\nthen: z", (2, 1), "UNKNOWN_KEY", "did you mean `then`"),
        (Rule, "when: x", (1, 1), "MISSING_KEY", "add `then`: what to do then"),
        (Rule, "when: x\nthen: 3", (2, 7), "WRONG_TYPE", "must be text"),
        (Rule, "when: x\nthen: y\npriority: '3'", (3, 11), "WRONG_TYPE", "whole number"),
        (Rule, "when: x\nthen: y\npriority: -101", (3, 11), "OUT_OF_RANGE", "at least -100"),
        (Rule, "when: x\nalways: true\nthen: y", (1, 1), "BAD_VALUE", "either `when`"),
        (Rule, "then: y", (1, 1), "BAD_VALUE", "either `when`"),
        (Rule, "[]", (1, 1), "WRONG_TYPE", "mapping"),
        (
            Rule,
            "when: x\nthen: y\ntools:\n  - tool: t\n    argument: {}",
            (5, 5),
            "UNKNOWN_KEY",
            "did you mean `arguments`",
        ),
        (Agent, "id: a:b\nname: x\nsystem_prompt: y", (1, 5), "BAD_ID", "A-Z, a-z"),
        (Agent, "id: a\nname: ''\nsystem_prompt: y", (2, 7), "EMPTY", "name for people"),
        (Agent, "id: a\nname: x\nsystem_prompt: y\nlanguage: english", (4, 11), "BAD_LANGUAGE", "`en`"),
        (
            Agent,
            "id: a\nname: x\nsystem_prompt: y\nmodels: {default: {temperature: 3}}",
            (4, 33),
            "OUT_OF_RANGE",
            "at most 2",
        ),
        (Scenario, "starts_when: []\nsteps: {a: {}}", (1, 14), "EMPTY", "at least 1"),
        (
            Scenario,
            "starts_when: [x]\nsteps:\n  next:\n    nxt: []",
            (4, 5),
            "UNKNOWN_KEY",
            "did you mean `next`",
        ),
        (Scenario, "starts_when: [x]\nsteps:\n  a b: {}", (3, 3), "BAD_ID", "`a b`"),
        (Tool, "description: x\npolicy: safe\nhttp: {url: u}", (2, 9), "BAD_VALUE", "irreversible"),
        (Tool, "description: x\npolicy: pure", (1, 1), "BAD_VALUE", "either `http:"),
        (Variable, "synonyms:\n  a: b", (2, 6), "WRONG_TYPE", "must be a list"),
    ],
)
def test_a_deviation_says_where_it_is_and_how_to_mend_it(
    kind: type[Definition], text: str, place: tuple[int, int], reason: str, words: str
) -> None:
    _, [problem] = shape(kind, text)
    assert (problem.line, problem.column) == place
    assert problem.reason == reason
    assert words in problem.message


def test_text_is_trimmed_and_lists_become_tuples() -> None:
    rule, problems = shape(Rule, "when: '  x '\nthen: y\ntemplates: [a, b]")
    assert problems == []
    assert isinstance(rule, Rule)
    assert (rule.when, rule.templates) == ("x", ("a", "b"))


def test_a_step_tells_its_type_from_what_it_holds() -> None:
    scenario, _ = shape(
        Scenario,
        "starts_when: [x]\nsteps:\n  a: {collects: [v]}\n  b: {tools: [{tool: t}]}\n  c: {}\n"
        "  d: {type: logic, collects: [v]}",
    )
    assert isinstance(scenario, Scenario)
    assert [step.kind() for step in scenario.steps.values()] == ["question", "action", "logic", "logic"]
    assert scenario.entry_step() == "a"
