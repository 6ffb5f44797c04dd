"""Names of scopes, templates and tools that lead nowhere."""

from collections.abc import Iterator, Sequence

from focal_config_watcher.core.authoring.checks import naming
from focal_config_watcher.core.authoring.draft import Draft, Origin, Where
from focal_config_watcher.core.authoring.folder import Kind
from focal_config_watcher.domain.authoring.fields import GLOBAL
from focal_config_watcher.domain.problem import Problem


def check(draft: Draft) -> Iterator[Problem]:
    """Dangling scopes, templates, compensations and resolvers."""
    for rule_id, rule in draft.rules.items():
        origin = draft.origin(Kind.RULES, rule_id)
        yield from _scope(draft, origin, rule.scope)
        yield from _templates(draft, origin, rule.templates, "templates")
    for template_id, template in draft.templates.items():
        yield from _scope(draft, draft.origin(Kind.TEMPLATES, template_id), template.scope)
    for origin, _, _, step_id, step in draft.all_steps():
        yield from _templates(draft, origin, step.templates, "steps", step_id, "templates")
    for tool_id, tool in draft.tools.items():
        if tool.compensation:
            yield from _compensation(draft, tool_id, tool.compensation)
    for name, variable in draft.variables.items():
        if variable.resolver and not draft.has(Kind.TOOLS, variable.resolver):
            message = naming.missing("tool", variable.resolver, draft.ids(Kind.TOOLS))
            origin = draft.origin(Kind.VARIABLES, name)
            yield origin.error("DANGLING_TOOL", message, "resolver")


def _scope(draft: Draft, origin: Origin, scope: str) -> Iterator[Problem]:
    if scope == GLOBAL:
        return
    scenario_id, hash_sign, step_id = scope.partition("#")
    if not draft.has(Kind.SCENARIOS, scenario_id):
        message = naming.missing("scenario", scenario_id, [GLOBAL, *draft.ids(Kind.SCENARIOS)])
        yield origin.error("DANGLING_SCENARIO", message, "scope")
    elif hash_sign and step_id not in draft.steps(scenario_id):
        message = naming.missing(f"step of `{scenario_id}`", step_id, draft.steps(scenario_id))
        yield origin.error("DANGLING_STEP", message, "scope")


def _templates(draft: Draft, origin: Origin, template_ids: Sequence[str], *where: Where) -> Iterator[Problem]:
    for index, template_id in enumerate(template_ids):
        if not draft.has(Kind.TEMPLATES, template_id):
            message = naming.missing("template", template_id, draft.ids(Kind.TEMPLATES))
            yield origin.error("DANGLING_TEMPLATE", message, *where, index)


def _compensation(draft: Draft, tool_id: str, compensation: str) -> Iterator[Problem]:
    origin = draft.origin(Kind.TOOLS, tool_id)
    if compensation == tool_id:
        yield origin.error("DANGLING_TOOL", "a tool cannot undo itself", "compensation")
    elif not draft.has(Kind.TOOLS, compensation):
        message = naming.missing("tool", compensation, draft.ids(Kind.TOOLS))
        yield origin.error("DANGLING_TOOL", message, "compensation")
