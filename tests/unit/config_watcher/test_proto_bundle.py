"""The wire form of a bundle: complete, canonical, little-endian."""

import json

import numpy as np
from google.protobuf import json_format

from focal.common.v1 import side_effect_policy_pb2
from focal.config.v1 import bundle_pb2, rule_pb2, scenario_pb2, tool_definition_pb2
from focal_config_watcher.adapters.proto_bundle import ProtoBundle
from focal_config_watcher.core.authoring import reading
from focal_config_watcher.domain import lexical
from focal_config_watcher.domain.authoring.bundle import AuthoredBundle
from focal_config_watcher.domain.retrieval import RetrievalIndex
from focal_config_watcher.domain.sources import Limits
from tests.fakes.config_watcher import sources


def bundle(**contents: str) -> AuthoredBundle:
    read = reading.read(sources(**contents), Limits())
    assert not [problem for problem in read.problems if problem.refuses]
    assert read.bundle is not None
    return read.bundle


def parts(**contents: str) -> dict[str, bytes]:
    return ProtoBundle().definitions(bundle(**contents))


def test_a_tool_carries_its_request_and_schema_as_canonical_json() -> None:
    [tool] = json_format.Parse(
        parts(
            tools="""
pay:
  description: Pays.
  policy: irreversible
  business_key: [id]
  parameters: {type: object, required: [id], properties: {id: {type: number, minimum: 0.10}}}
  http: {method: POST, url: "${SHOP}/{id}", body: {sum: 1.50}}
  confirm: Really?
  timeout_ms: 500
"""
        )["tools"],
        bundle_pb2.ToolsPart(),
    ).tools
    assert tool.policy == side_effect_policy_pb2.SIDE_EFFECT_POLICY_IRREVERSIBLE
    assert tool.parameter_schema_json == (
        '{"properties":{"id":{"minimum":0.1,"type":"number"}},"required":["id"],"type":"object"}'
    )
    assert tool.provider == "http"
    assert json.loads(tool.provider_config_json) == {
        "method": "POST", "url": "${SHOP}/{id}", "query": {}, "headers": {}, "body": {"sum": 1.5},
    }  # fmt: skip
    assert (tool.requires_confirmation, tool.confirmation_prompt) == (True, "Really?")
    assert (list(tool.business_key_fields), tool.timeout_ms, tool.enabled) == (["id"], 500, True)


def test_a_binding_requires_the_variables_of_its_arguments() -> None:
    [rule] = json_format.Parse(
        parts(
            rules="""
r:
  when: x
  then: y
  tools:
    - tool: t
      run: after
      arguments: {deep: ["{a}", {b: "{b} and {a}"}]}
      needs: [c]
      results: {a: x.y}
      critical: false
""",
            tools="t: {description: d, policy: pure, http: {url: 'http://u'}, parameters: {type: object, "
            "additionalProperties: true}}",
            variables="{a: {}, b: {}, c: {}}",
        )["rules"],
        bundle_pb2.RulesPart(),
    ).rules
    [binding] = rule.tool_bindings
    assert list(binding.required_variables) == ["a", "b", "c"]
    assert binding.arguments_json == '{"deep":["{a}",{"b":"{b} and {a}"}]}'
    assert binding.when == tool_definition_pb2.TOOL_MOMENT_AFTER_STEP
    assert (dict(binding.result_variables), binding.critical) == ({"a": "x.y"}, False)


def test_scopes_names_and_steps_come_out_as_the_contract_says() -> None:
    made = parts(
        rules="a_rule: {when: x, then: y, scope: buy}\nb: {when: x, then: y, scope: buy#ask, name: B}",
        scenarios="""
buy:
  starts_when: [one, two]
  steps:
    ask:
      collects: [v]
      checkpoint: paid
      next: [{to: end, equals: {v: true}, known: [v], when: go on, priority: 3}]
    end: {terminal: true}
""",
        variables="v: {type: boolean, ask: Well?, synonyms: {true: [yes], false: [no]}}",
    )
    first, second = json_format.Parse(made["rules"], bundle_pb2.RulesPart()).rules
    assert (first.name, first.scope, first.scope_id) == ("A rule", rule_pb2.SCOPE_SCENARIO, "buy")
    assert (second.name, second.scope, second.scope_id) == ("B", rule_pb2.SCOPE_STEP, "buy#ask")
    [scenario] = json_format.Parse(made["scenarios"], bundle_pb2.ScenariosPart()).scenarios
    ask, end = scenario.steps
    assert scenario.entry_step_id == "ask"
    assert (ask.type, ask.is_checkpoint) == (scenario_pb2.STEP_TYPE_QUESTION, True)
    assert (end.type, end.is_terminal) == (scenario_pb2.STEP_TYPE_LOGIC, True)
    [way] = ask.transitions
    assert dict(way.condition_values_json) == {"v": "true"}
    assert (way.condition_text, list(way.condition_fields), way.priority) == ("go on", ["v"], 3)
    [variable] = json_format.Parse(made["variables"], bundle_pb2.VariablesPart()).variables
    assert [(meaning.value_json, list(meaning.words)) for meaning in variable.synonyms] == [
        ("true", ["yes"]),
        ("false", ["no"]),
    ]


def test_equal_definitions_make_equal_bytes_whatever_their_order() -> None:
    one = parts(rules="a: {when: x, then: y}\nb: {then: y, when: x}")
    other = parts(rules__2="a: {then: y, when: x}", rules__1="b: {when: x, then: y}")
    assert one == other


def test_vectors_are_little_endian_rows_in_the_order_of_their_keys() -> None:
    matrix = np.array([[1, 0], [0.5, -0.5]], np.float32)
    index = RetrievalIndex(("rule:a", "rule:b"), matrix, lexical.build(["rule:a"], [["x"]]))
    message = bundle_pb2.VectorIndex.FromString(ProtoBundle().vectors(index))
    assert list(message.keys) == ["rule:a", "rule:b"]
    assert np.array_equal(np.frombuffer(message.matrix, "<f4").reshape(2, 2), matrix)
    assert list(np.frombuffer(message.lexical.offsets, "<u4")) == [0, 1]
    assert list(message.lexical.document_keys) == ["rule:a"]
