"""What is on a catalogue, and what would be wrong if it changed: pure, given the catalogues as they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from focal_config_watcher.core.authoring import checks, drafting, nodes, shapes, shelving, yaml_reading
from focal_config_watcher.core.authoring.draft import Draft, Origin
from focal_config_watcher.core.authoring.folder import Kind, KnownFile
from focal_config_watcher.core.authoring.nodes import Scalar
from focal_config_watcher.domain import catalogue
from focal_config_watcher.domain.authoring import activation
from focal_config_watcher.domain.authoring.activation import Adoption
from focal_config_watcher.domain.authoring.tool import Tool
from focal_config_watcher.domain.catalogue import PLATFORM, Entry, Offer, Shelf, Tier
from focal_config_watcher.domain.problem import Problem
from focal_config_watcher.domain.sources import Limits, SourceFile
from focal_kernel import canonical_json


@dataclass(frozen=True)
class Stocked:
    """An entry with the tool that comes of it, None while it does not fit."""

    entry: Entry
    tier: Tier
    tool: Tool | None
    definition_json: str
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Found:
    """What a source would put on a catalogue, and all that is wrong with it."""

    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]


def stocked(tenant_id: str, entry: Entry, platform: Shelf) -> Stocked:
    """An entry of a catalogue as its readers see it."""
    offer = _offer(tenant_id, entry, platform)
    _, tool, problems = shelving.define(offer)
    definition = offer.text
    if tool is not None and offer.changes:
        definition = canonical_json.dumps(shelving.written(tool))
    return Stocked(entry, offer.tier, tool, definition, tuple(problems))


def defined(tenant_id: str, source: SourceFile, platform: Shelf, shelf: Shelf, limits: Limits) -> Found:
    """The definitions of a source, checked beside everything that is available there."""
    known = KnownFile(Kind.TOOLS, source)
    draft, problems = drafting.draft([known], limits)
    entries = tuple(
        Entry(name, canonical_json.dumps(nodes.plain(draft.origin(Kind.TOOLS, name).node)))
        for name in draft.ids(Kind.TOOLS)
    )
    if not entries and not problems:
        problems.append(Problem(source.path, 0, 0, "EMPTY", "define at least one tool"))
    tier = Tier.TENANT if tenant_id else Tier.PLATFORM
    draft.tiers.update(dict.fromkeys(draft.tools, tier))
    problems += _beside(draft, _offers(tenant_id, platform, shelf), limits)
    return Found(entries, tuple(sorted(set(problems))))


def adopted(name: str, source: SourceFile, platform: Shelf, shelf: Shelf, limits: Limits) -> Found:
    """An adoption with the changes that a source states, checked beside everything that is available."""
    node, problems = yaml_reading.read(source, limits)
    if node is None or (isinstance(node, Scalar) and node.value is None):
        node = nodes.written({})
    adoption, found = shapes.shape(Adoption, node, source.path)
    problems += found
    text = canonical_json.dumps(nodes.plain(node)) if adoption is not None else "{}"
    entry = Entry(name, text, adopted=True)
    offer = Offer(name, Tier.PLATFORM, platform.entries[name].text)
    origin, tool, found = shelving.define(offer)
    problems += found
    draft = Draft(tiers={name: Tier.PLATFORM})
    draft.origins[Kind.TOOLS, name] = origin
    if tool is not None and adoption is not None:
        refused = list(shelving.overlaid(Origin(source.path, node), tool, adoption))
        problems += refused
        if not refused:
            draft.put(Kind.TOOLS, name, activation.applied(tool, adoption))
    problems += _beside(draft, catalogue.offers(platform, shelf), limits)
    return Found((entry,), tuple(sorted(set(problems))))


def users(tenant_id: str, name: str, platform: Shelf, shelf: Shelf) -> list[str]:
    """The other tools of the catalogue that refer to one."""
    found = []
    for offer in _offers(tenant_id, platform, shelf):
        _, tool, _ = shelving.define(offer)
        named = {tool.compensation, tool.check.tool if tool.check else None} if tool else set()
        if offer.name != name and name in named:
            found.append(offer.name)
    return found


def _beside(draft: Draft, offers: Sequence[Offer], limits: Limits) -> list[Problem]:
    """The problems that are there with the draft and were not there without it."""
    before = Draft()
    problems = shelving.add(before, offers)
    old = {*problems, *checks.run(before, enough=limits.problems)}
    problems = shelving.add(draft, offers)
    return [
        problem for problem in (*problems, *checks.run(draft, enough=limits.problems)) if problem not in old
    ]


def _offers(tenant_id: str, platform: Shelf, shelf: Shelf) -> tuple[Offer, ...]:
    return catalogue.offers(platform, shelf) if tenant_id else catalogue.of_platform(shelf)


def _offer(tenant_id: str, entry: Entry, platform: Shelf) -> Offer:
    if tenant_id == PLATFORM:
        return Offer(entry.name, Tier.PLATFORM, entry.text)
    if not entry.adopted:
        return Offer(entry.name, Tier.TENANT, entry.text)
    base = platform.entries[entry.name]
    return Offer(entry.name, Tier.PLATFORM, base.text, entry.text)
