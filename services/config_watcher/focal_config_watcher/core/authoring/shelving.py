"""Puts the tools of the catalogues beside those that an agent defines itself; of equal names its own wins."""

from collections.abc import Iterable, Iterator
from typing import Any

from focal_config_watcher.core.authoring import draft as drafts
from focal_config_watcher.core.authoring import nodes, shapes
from focal_config_watcher.core.authoring.draft import Draft, Origin
from focal_config_watcher.core.authoring.folder import Kind
from focal_config_watcher.domain.authoring import activation
from focal_config_watcher.domain.authoring.activation import Adoption
from focal_config_watcher.domain.authoring.tool import Tool
from focal_config_watcher.domain.catalogue import Offer
from focal_config_watcher.domain.problem import Problem
from focal_kernel import canonical_json


def add(draft: Draft, available: Iterable[Offer]) -> list[Problem]:
    """Add what the agent does not define; the problems of what no longer fits the format.

    Catalogues are checked when they are written; a platform's tool that changed since may no longer bear
    what a tenant changes about it.
    """
    problems: list[Problem] = []
    for offer in available:
        if draft.has(Kind.TOOLS, offer.name):
            continue
        origin, tool, found = define(offer)
        problems += found
        draft.origins[Kind.TOOLS, offer.name] = origin
        draft.tiers[offer.name] = offer.tier
        if tool is not None:
            draft.put(Kind.TOOLS, offer.name, tool)
    return problems


def define(offer: Offer) -> tuple[Origin, Tool | None, list[Problem]]:
    """Where an offer comes from, the tool as its tenant has it, and what is wrong with it."""
    shelf = f"the tool `{offer.name}` of {drafts.SHELVES[offer.tier]}"
    node = nodes.written(canonical_json.loads(offer.text))
    tool, problems = shapes.shape(Tool, node, offer.path)
    if tool is None or not offer.changes:
        return Origin(offer.path, node, shelf), tool, problems
    changes = nodes.written(canonical_json.loads(offer.changes))
    adoption, problems = shapes.shape(Adoption, changes, offer.path)
    problems += overlaid(
        Origin(offer.path, changes, f"what the tenant changes about {shelf}"), tool, adoption
    )
    if adoption is None or problems:
        return Origin(offer.path, node, shelf), None, problems
    fitted = activation.applied(tool, adoption)
    return Origin(offer.path, nodes.written(written(fitted)), shelf), fitted, problems


def written(tool: Tool) -> dict[str, Any]:
    """A tool with the keys that its definition and what was laid over it give."""
    return tool.model_dump(exclude_unset=True, exclude_none=True)


def overlaid(origin: Origin, tool: Tool, overlay: activation.Activation | None) -> Iterator[Problem]:
    """The refusals of an overlay, where it is written."""
    if overlay is not None:
        for reason, key, message in activation.refusals(tool, overlay):
            yield origin.error(reason, message, key)
