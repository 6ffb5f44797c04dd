"""Bundle parts, as config_watcher stores them, to the pipeline's own types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message

from focal.common.v1 import side_effect_policy_pb2 as policies
from focal.config.v1 import (
    agent_pb2,
    bundle_pb2,
    rule_pb2,
    scenario_pb2,
    template_pb2,
    tool_definition_pb2,
    variable_pb2,
)
from focal_kernel import canonical_json
from focal_pipeline import errors
from focal_pipeline.domain import bundle as domain

M = TypeVar("M", bound=Message)

_SCOPES = {
    rule_pb2.SCOPE_SCENARIO: domain.Scope.SCENARIO,
    rule_pb2.SCOPE_STEP: domain.Scope.STEP,
}
_MODES = {
    template_pb2.TEMPLATE_MODE_EXCLUSIVE: domain.TemplateMode.EXCLUSIVE,
    template_pb2.TEMPLATE_MODE_FALLBACK: domain.TemplateMode.FALLBACK,
}
_STEP_TYPES = {
    scenario_pb2.STEP_TYPE_QUESTION: domain.StepType.QUESTION,
    scenario_pb2.STEP_TYPE_ACTION: domain.StepType.ACTION,
}
_MOMENTS = {
    tool_definition_pb2.TOOL_MOMENT_BEFORE_STEP: domain.ToolMoment.BEFORE_STEP,
    tool_definition_pb2.TOOL_MOMENT_AFTER_STEP: domain.ToolMoment.AFTER_STEP,
}
POLICIES = {
    policies.SIDE_EFFECT_POLICY_PURE: domain.SideEffect.PURE,
    policies.SIDE_EFFECT_POLICY_IDEMPOTENT: domain.SideEffect.IDEMPOTENT,
    policies.SIDE_EFFECT_POLICY_COMPENSATABLE: domain.SideEffect.COMPENSATABLE,
}
"""What is not in a table has the value for unspecified: GLOBAL, SUGGEST, LOGIC, DURING_STEP, and
IRREVERSIBLE as the careful reading of a policy."""


def bundle_from_parts(manifest: bundle_pb2.BundleManifest, parts: Mapping[str, bytes]) -> domain.Bundle:
    """A bundle from its parts; BundleUnusable when one cannot be read."""
    try:
        return _bundle(manifest, parts)
    except (json_format.ParseError, DecodeError, ValueError) as error:
        raise errors.BundleUnusable(f"a part of the bundle cannot be read: {error}") from None


def _bundle(manifest: bundle_pb2.BundleManifest, parts: Mapping[str, bytes]) -> domain.Bundle:
    index = bundle_pb2.VectorIndex.FromString(parts.get("vectors", b""))
    return domain.Bundle(
        tenant_id=manifest.pointer.tenant_id,
        agent=_agent(_parsed(parts, "agent", bundle_pb2.AgentPart()).agent),
        version=manifest.pointer.version,
        rules=tuple(map(_rule, _parsed(parts, "rules", bundle_pb2.RulesPart()).rules)),
        scenarios=tuple(map(_scenario, _parsed(parts, "scenarios", bundle_pb2.ScenariosPart()).scenarios)),
        templates=tuple(map(_template, _parsed(parts, "templates", bundle_pb2.TemplatesPart()).templates)),
        tools=tuple(map(_tool, _parsed(parts, "tools", bundle_pb2.ToolsPart()).tools)),
        variables=tuple(map(_variable, _parsed(parts, "variables", bundle_pb2.VariablesPart()).variables)),
        embedding_model=manifest.embedding_model,
        embedding_dimensions=manifest.embedding_dimensions,
        vector_keys=tuple(index.keys),
        vectors=index.matrix,
        lexical=_lexical(index.lexical),
    )


def _parsed(parts: Mapping[str, bytes], name: str, into: M) -> M:
    return json_format.Parse(parts.get(name, b"{}"), into, ignore_unknown_fields=True)


def _agent(agent: agent_pb2.Agent) -> domain.Agent:
    return domain.Agent(
        agent_id=agent.agent_id,
        name=agent.name,
        system_prompt=agent.system_prompt,
        default_language=agent.default_language or "en",
        models={site: _model_settings(chosen) for site, chosen in agent.models.items()},
        error_reply=agent.error_reply,
        enabled=agent.enabled,
        glossary=tuple((term.term, term.description) for term in agent.glossary),
    )


def _model_settings(chosen: agent_pb2.ModelSettings) -> domain.ModelSettings:
    return domain.ModelSettings(
        models=tuple(chosen.models),
        temperature=chosen.temperature if chosen.HasField("temperature") else None,
        max_tokens=chosen.max_tokens or None,
        timeout_s=chosen.timeout_ms / 1000 or None,
    )


def _rule(rule: rule_pb2.Rule) -> domain.Rule:
    return domain.Rule(
        rule_id=rule.rule_id,
        condition_text=rule.condition_text,
        action_text=rule.action_text,
        scope=_SCOPES.get(rule.scope, domain.Scope.GLOBAL),
        scope_id=rule.scope_id,
        priority=rule.priority,
        enabled=rule.enabled,
        max_fires_per_session=rule.max_fires_per_session,
        cooldown_turns=rule.cooldown_turns,
        tool_bindings=_bindings(rule.tool_bindings),
        template_ids=tuple(rule.template_ids),
        always=rule.always,
    )


def _scenario(scenario: scenario_pb2.Scenario) -> domain.Scenario:
    return domain.Scenario(
        scenario_id=scenario.scenario_id,
        name=scenario.name,
        description=scenario.description,
        entry_conditions=tuple(scenario.entry_conditions),
        entry_step_id=scenario.entry_step_id,
        steps=tuple(map(_step, scenario.steps)),
        enabled=scenario.enabled,
        priority=scenario.priority,
    )


def _step(step: scenario_pb2.Step) -> domain.Step:
    return domain.Step(
        step_id=step.step_id,
        name=step.name,
        description=step.description,
        type=_STEP_TYPES.get(step.type, domain.StepType.LOGIC),
        collects=tuple(step.collects),
        is_terminal=step.is_terminal,
        is_checkpoint=step.is_checkpoint,
        transitions=tuple(map(_transition, step.transitions)),
        tool_bindings=_bindings(step.tool_bindings),
        template_ids=tuple(step.template_ids),
    )


def _transition(transition: scenario_pb2.Transition) -> domain.Transition:
    return domain.Transition(
        to_step_id=transition.to_step_id,
        condition_text=transition.condition_text,
        condition_fields=tuple(transition.condition_fields),
        condition_values={
            name: canonical_json.dumps(canonical_json.loads(text))
            for name, text in transition.condition_values_json.items()
        },
        priority=transition.priority,
    )


def _bindings(bindings: Iterable[tool_definition_pb2.ToolBinding]) -> tuple[domain.ToolBinding, ...]:
    return tuple(
        domain.ToolBinding(
            tool_name=binding.tool_name,
            when=_MOMENTS.get(binding.when, domain.ToolMoment.DURING_STEP),
            arguments=_json_object(binding.arguments_json),
            required_variables=tuple(binding.required_variables),
            depends_on=tuple(binding.depends_on),
            result_variables=dict(binding.result_variables),
            critical=binding.critical,
        )
        for binding in bindings
    )


def _template(template: template_pb2.Template) -> domain.Template:
    return domain.Template(
        template_id=template.template_id,
        text=template.text,
        mode=_MODES.get(template.mode, domain.TemplateMode.SUGGEST),
        scope=_SCOPES.get(template.scope, domain.Scope.GLOBAL),
        scope_id=template.scope_id,
        translations=dict(template.translations),
    )


def _tool(tool: tool_definition_pb2.ToolDefinition) -> domain.Tool:
    return domain.Tool(
        name=tool.name,
        description=tool.description,
        policy=POLICIES.get(tool.policy, domain.SideEffect.IRREVERSIBLE),
        parameter_schema=_json_object(tool.parameter_schema_json),
        business_key_fields=tuple(tool.business_key_fields),
        timeout_s=tool.timeout_ms / 1000 or None,
        enabled=tool.enabled,
        categories=frozenset(tool.categories),
    )


def _variable(variable: variable_pb2.Variable) -> domain.Variable:
    return domain.Variable(
        name=variable.name,
        type=variable.type or "string",
        description=variable.description,
        prompt=variable.prompt,
        pattern=variable.pattern,
        synonyms=tuple((canonical_json.loads(s.value_json), tuple(s.words)) for s in variable.synonyms),
        allowed_values=frozenset(
            canonical_json.dumps(canonical_json.loads(text)) for text in variable.allowed_values_json
        ),
        scenario_scoped=variable.scenario_scoped,
        only_when_asked=variable.only_when_asked,
        pii=variable.pii,
    )


def _json_object(text: str) -> Mapping[str, Any]:
    value = canonical_json.loads(text) if text else {}
    if not isinstance(value, dict):
        raise errors.BundleUnusable("expected a JSON object")
    return value


def _lexical(index: bundle_pb2.LexicalIndex) -> domain.LexicalIndex:
    return domain.LexicalIndex(
        terms=tuple(index.terms),
        offsets=index.offsets,
        documents=index.documents,
        weights=index.weights,
        document_keys=tuple(index.document_keys),
    )
