"""Whether a tool's `config:` is what its provider reads."""

from collections.abc import Iterator

from focal_config_watcher.core.authoring import nodes, shapes
from focal_config_watcher.core.authoring.draft import Draft
from focal_config_watcher.core.authoring.folder import Kind
from focal_config_watcher.domain.authoring import provider_config
from focal_config_watcher.domain.problem import Problem


def check(draft: Draft) -> Iterator[Problem]:
    """Unknown, missing and mistyped keys of the configuration."""
    for tool_id, tool in draft.tools.items():
        kind = provider_config.KINDS.get(tool.provider or "")
        if kind is None:
            continue
        origin = draft.origin(Kind.TOOLS, tool_id)
        written = origin.node.entries.get("config") if isinstance(origin.node, nodes.Mapping) else None
        if written is None:
            keys = ", ".join(name for name, field in kind.model_fields.items() if field.is_required())
            message = f"provider `{tool.provider}` needs `config:` with {keys}"
            yield origin.error("MISSING_KEY", message, "provider")
            continue
        if isinstance(written, nodes.Mapping):
            _, problems = shapes.shape(kind, written, origin.path)
            yield from problems
