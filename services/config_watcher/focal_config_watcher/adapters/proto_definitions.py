"""Definitions as their messages, one function per kind."""

from focal.common.v1 import side_effect_policy_pb2
from focal.config.v1 import (
    rule_pb2,
    scenario_pb2,
    template_pb2,
    tool_definition_pb2,
    variable_pb2,
)
from focal_config_watcher.domain.authoring.binding import Binding
from focal_config_watcher.domain.authoring.fields import GLOBAL
from focal_config_watcher.domain.authoring.rule import Rule
from focal_config_watcher.domain.authoring.scenario import Scenario, Step, Transition
from focal_config_watcher.domain.authoring.template import Template
from focal_config_watcher.domain.authoring.tool import Tool
from focal_config_watcher.domain.authoring.variable import Variable
from focal_config_watcher.domain.catalogue import Tier
from focal_kernel import canonical_json

_TIERS = {
    Tier.PLATFORM: tool_definition_pb2.TOOL_TIER_PLATFORM,
    Tier.TENANT: tool_definition_pb2.TOOL_TIER_TENANT,
    Tier.AGENT: tool_definition_pb2.TOOL_TIER_AGENT,
}
_MOMENTS = {
    "before": tool_definition_pb2.TOOL_MOMENT_BEFORE_STEP,
    "during": tool_definition_pb2.TOOL_MOMENT_DURING_STEP,
    "after": tool_definition_pb2.TOOL_MOMENT_AFTER_STEP,
}


def rule(rule_id: str, source: Rule) -> rule_pb2.Rule:
    """A rule."""
    scope, scope_id = _scope(source.scope)
    return rule_pb2.Rule(
        rule_id=rule_id,
        name=source.name or _name(rule_id),
        condition_text=source.when,
        action_text=source.then,
        scope=scope,
        scope_id=scope_id,
        priority=source.priority,
        enabled=source.enabled,
        max_fires_per_session=source.max_fires,
        cooldown_turns=source.cooldown_turns,
        is_hard_constraint=source.hard,
        enforcement_expression=source.must_hold,
        tool_bindings=[_binding(binding) for binding in source.tools],
        template_ids=source.templates,
        always=source.always,
    )


def scenario(scenario_id: str, source: Scenario) -> scenario_pb2.Scenario:
    """A scenario with its steps in the order written."""
    return scenario_pb2.Scenario(
        scenario_id=scenario_id,
        name=source.name or _name(scenario_id),
        description=source.description,
        entry_conditions=source.starts_when,
        entry_step_id=source.entry_step(),
        steps=[_step(step_id, step) for step_id, step in source.steps.items()],
        enabled=source.enabled,
        priority=source.priority,
    )


def template(template_id: str, source: Template) -> template_pb2.Template:
    """A template."""
    scope, scope_id = _scope(source.scope)
    return template_pb2.Template(
        template_id=template_id,
        name=source.name or _name(template_id),
        text=source.text,
        mode=template_pb2.TemplateMode.Value(f"TEMPLATE_MODE_{source.mode.upper()}"),
        scope=scope,
        scope_id=scope_id,
        translations=source.translations,
    )


def tool(name: str, source: Tool, tier: Tier) -> tool_definition_pb2.ToolDefinition:
    """A tool; an HTTP request becomes the configuration of the provider `http`."""
    config = source.config
    if source.http:
        config = source.http.config()
    return tool_definition_pb2.ToolDefinition(
        name=name,
        description=source.description,
        policy=side_effect_policy_pb2.SideEffectPolicy.Value(f"SIDE_EFFECT_POLICY_{source.policy.upper()}"),
        parameter_schema_json=canonical_json.dumps(source.parameters),
        business_key_fields=source.business_key,
        provider=source.provider or "http",
        provider_config_json=canonical_json.dumps(config),
        compensation_tool=source.compensation or "",
        compensation_arguments=source.compensation_arguments,
        check_tool=source.check.tool if source.check else "",
        check_arguments=source.check.arguments if source.check else {},
        check_happened=source.check.happened if source.check else "",
        requires_confirmation=bool(source.confirm),
        confirmation_prompt=source.confirm,
        timeout_ms=source.timeout_ms,
        enabled=source.enabled,
        categories=source.categories,
        fresh_ms=source.fresh_ms,
        asynchronous=source.asynchronous,
        report_within_ms=source.report_within_ms,
        tier=_TIERS[tier],
    )


def variable(name: str, source: Variable) -> variable_pb2.Variable:
    """A variable."""
    return variable_pb2.Variable(
        name=name,
        type=source.type,
        description=source.description,
        prompt=source.ask,
        pattern=source.pattern,
        synonyms=[
            variable_pb2.VariableSynonym(value_json=canonical_json.dumps(source.read(value)), words=words)
            for value, words in source.synonyms.items()
        ],
        allowed_values_json=[canonical_json.dumps(value) for value in source.allowed],
        resolver_tool=source.resolver or "",
        update_policy=variable_pb2.VariableUpdate.Value(f"VARIABLE_UPDATE_{source.update.upper()}"),
        cache_ttl_seconds=source.cache_ttl_seconds,
        scenario_scoped=source.scenario_scoped,
        only_when_asked=source.only_when_asked,
        pii=source.pii,
    )


def _step(step_id: str, source: Step) -> scenario_pb2.Step:
    return scenario_pb2.Step(
        step_id=step_id,
        name=source.name or _name(step_id),
        description=source.does,
        type=scenario_pb2.StepType.Value(f"STEP_TYPE_{source.kind().upper()}"),
        collects=source.collects,
        can_skip=source.can_skip,
        is_terminal=source.terminal,
        is_checkpoint=bool(source.checkpoint),
        checkpoint_description=source.checkpoint,
        reachable_from_anywhere=source.reachable_from_anywhere,
        transitions=[_transition(transition) for transition in source.next],
        tool_bindings=[_binding(binding) for binding in source.tools],
        template_ids=source.templates,
    )


def _transition(source: Transition) -> scenario_pb2.Transition:
    return scenario_pb2.Transition(
        to_step_id=source.to,
        condition_text=source.when,
        condition_fields=source.known,
        condition_values_json={name: canonical_json.dumps(value) for name, value in source.equals.items()},
        priority=source.priority,
    )


def _binding(source: Binding) -> tool_definition_pb2.ToolBinding:
    return tool_definition_pb2.ToolBinding(
        tool_name=source.tool,
        when=_MOMENTS[source.run],
        arguments_json=canonical_json.dumps(source.arguments),
        required_variables=source.required_variables(),
        depends_on=source.depends_on,
        result_variables=source.results,
        critical=source.critical,
    )


def _scope(scope: str) -> tuple[rule_pb2.Scope.ValueType, str]:
    if scope == GLOBAL:
        return rule_pb2.SCOPE_GLOBAL, ""
    return (rule_pb2.SCOPE_STEP if "#" in scope else rule_pb2.SCOPE_SCENARIO), scope


def _name(definition_id: str) -> str:
    """A name for people when the author gave none: `order_status` reads `Order status`."""
    return definition_id.replace("_", " ").replace("-", " ").strip().capitalize() or definition_id
