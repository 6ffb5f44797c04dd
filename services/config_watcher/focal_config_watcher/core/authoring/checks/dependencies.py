"""Tools that wait for one another: among all rules, which may match together, and in each step."""

import graphlib
from collections.abc import Iterator, Sequence

from focal_config_watcher.core.authoring.draft import Draft, Origin, Where
from focal_config_watcher.core.authoring.folder import Kind
from focal_config_watcher.domain.authoring.binding import Binding
from focal_config_watcher.domain.problem import Problem


def check(draft: Draft) -> Iterator[Problem]:
    """Circles among `depends_on`."""
    of_rules = [binding for rule in draft.rules.values() for binding in rule.tools]
    if circle := _circle(of_rules):
        first = next(
            rule_id
            for rule_id, rule in draft.rules.items()
            if any(binding.depends_on and binding.tool in circle for binding in rule.tools)
        )
        yield _problem(circle, draft.origin(Kind.RULES, first), "tools")
    for origin, _, _, step_id, step in draft.all_steps():
        if circle := _circle(step.tools):
            yield _problem(circle, origin, "steps", step_id, "tools")


def _circle(bindings: Sequence[Binding]) -> list[str]:
    """The tools of a circle in order, the first repeated at the end; empty when there is none."""
    graph: dict[str, set[str]] = {}
    for binding in bindings:
        graph.setdefault(binding.tool, set()).update(binding.depends_on)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def _problem(circle: list[str], origin: Origin, *where: Where) -> Problem:
    message = f"these tools wait for one another: {' → '.join(circle)}; remove one `depends_on`"
    return origin.error("CIRCULAR_TOOLS", message, *where)
