import json
from typing import Any

import pytest

from focal.config.v1 import bundle_pb2
from focal_pipeline import errors
from focal_pipeline.adapters import bundle_codec
from focal_pipeline.domain.bundle import Scope, SideEffect, StepType, TemplateMode, ToolMoment

MANIFEST = bundle_pb2.BundleManifest(
    pointer=bundle_pb2.BundlePointer(tenant_id="acme", agent_id="desk", version=3),
    embedding_model="hashed",
    embedding_dimensions=2,
)


def read(**parts: Any) -> Any:
    encoded = {name: json.dumps(part).encode() for name, part in parts.items()}
    return bundle_codec.bundle_from_parts(MANIFEST, encoded)


def test_the_pointer_says_whose_and_which() -> None:
    found = read()
    assert (found.tenant_id, found.version, found.embedding_model) == ("acme", 3, "hashed")


def test_an_agent_keeps_zero_as_a_temperature_and_no_zero_as_a_limit() -> None:
    models = {"generation": {"models": ["a"], "temperature": 0, "max_tokens": 0, "timeout_ms": 1500}}
    agent = read(agent={"agent": {"agent_id": "desk", "enabled": True, "models": models}}).agent
    chosen = agent.models["generation"]
    assert (chosen.temperature, chosen.max_tokens, chosen.timeout_s) == (0, None, 1.5)
    assert agent.default_language == "en"


def test_rules_bring_scopes_tools_and_templates() -> None:
    binding = {
        "tool_name": "look",
        "when": "TOOL_MOMENT_AFTER_STEP",
        "arguments_json": '{"a":"{x}"}',
        "critical": True,
    }
    rule = {
        "rule_id": "r",
        "scope": "SCOPE_STEP",
        "scope_id": "s#one",
        "tool_bindings": [binding],
        "enabled": True,
    }
    found = read(rules={"rules": [rule]}).rules[0]
    assert (found.scope, found.scope_id) == (Scope.STEP, "s#one")
    assert (found.tool_bindings[0].when, dict(found.tool_bindings[0].arguments)) == (
        ToolMoment.AFTER_STEP,
        {"a": "{x}"},
    )


def test_condition_values_become_canonical() -> None:
    transition = {"to_step_id": "two", "condition_values_json": {"x": '{"b": 1.0, "a": true}'}}
    steps = [{"step_id": "one", "type": "STEP_TYPE_QUESTION", "transitions": [transition]}]
    found = read(scenarios={"scenarios": [{"scenario_id": "s", "steps": steps}]}).scenarios[0].steps[0]
    assert found.type is StepType.QUESTION
    assert found.transitions[0].condition_values == {"x": '{"a":true,"b":1}'}


def test_a_tool_without_a_policy_is_treated_with_care() -> None:
    tools = [{"name": "a"}, {"name": "b", "policy": "SIDE_EFFECT_POLICY_PURE", "timeout_ms": 500}]
    found = read(tools={"tools": tools}).tools
    assert [(t.policy, t.timeout_s) for t in found] == [
        (SideEffect.IRREVERSIBLE, None),
        (SideEffect.PURE, 0.5),
    ]


def test_templates_and_variables_are_read() -> None:
    found = read(
        templates={"templates": [{"template_id": "t", "mode": "TEMPLATE_MODE_EXCLUSIVE"}]},
        variables={"variables": [{"name": "x", "synonyms": [{"value_json": "true", "words": ["yes"]}]}]},
    )
    assert found.templates[0].mode is TemplateMode.EXCLUSIVE
    assert found.variables[0].synonyms == ((True, ("yes",)),)
    assert found.variables[0].type == "string"


def test_fields_of_a_newer_contract_are_ignored() -> None:
    assert read(agent={"agent": {"agent_id": "desk", "born_later": 1}}).agent.agent_id == "desk"


@pytest.mark.parametrize("part", [b"{", b'{"rules": 7}'])
def test_a_part_that_cannot_be_read_is_refused(part: bytes) -> None:
    with pytest.raises(errors.BundleUnusable):
        bundle_codec.bundle_from_parts(MANIFEST, {"rules": part})


def test_arguments_that_are_no_object_are_refused() -> None:
    rule = {"rule_id": "r", "tool_bindings": [{"tool_name": "look", "arguments_json": "[1]"}]}
    with pytest.raises(errors.BundleUnusable):
        read(rules={"rules": [rule]})
