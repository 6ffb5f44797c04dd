"""Lays an agent's activations over its tools, before anything is checked that depends on them."""

from collections.abc import Iterator

from focal_config_watcher.core.authoring import shelving
from focal_config_watcher.core.authoring.checks import naming
from focal_config_watcher.core.authoring.draft import Draft
from focal_config_watcher.core.authoring.folder import Kind
from focal_config_watcher.domain.authoring import activation
from focal_config_watcher.domain.problem import Problem


def activate(draft: Draft) -> Iterator[Problem]:
    """Activations of tools that there are not, and those that take less care than the tool's definition."""
    for name, chosen in draft.activations.items():
        origin = draft.origin(Kind.ACTIVATIONS, name)
        if not draft.has(Kind.TOOLS, name):
            message = naming.missing("tool", name, draft.ids(Kind.TOOLS))
            yield origin.error("DANGLING_TOOL", message)
            continue
        tool = draft.tools.get(name)
        if tool is None:
            continue
        refused = list(shelving.overlaid(origin, tool, chosen))
        yield from refused
        if not refused:
            draft.tools[name] = activation.applied(tool, chosen)
