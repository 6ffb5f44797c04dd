"""Tools that wait for one another within one rule or step."""

import graphlib
from collections.abc import Iterator, Sequence

from focal_config_watcher.core.authoring.draft import Draft, Origin, Where
from focal_config_watcher.core.authoring.folder import Kind
from focal_config_watcher.domain.authoring.binding import Binding
from focal_config_watcher.domain.problem import Problem


def check(draft: Draft) -> Iterator[Problem]:
    """Circles among `depends_on`."""
    for rule_id, rule in draft.rules.items():
        yield from _circle(draft.origin(Kind.RULES, rule_id), rule.tools, "tools")
    for origin, _, _, step_id, step in draft.all_steps():
        yield from _circle(origin, step.tools, "steps", step_id, "tools")


def _circle(origin: Origin, bindings: Sequence[Binding], *where: Where) -> Iterator[Problem]:
    graph: dict[str, set[str]] = {}
    for binding in bindings:
        graph.setdefault(binding.tool, set()).update(binding.depends_on)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        circle = " → ".join(error.args[1])
        message = f"these tools wait for one another: {circle}; remove one `depends_on`"
        yield origin.error("CIRCULAR_TOOLS", message, *where)
