"""Reads the known files into a draft, one definition at a time."""

import re
from collections.abc import Iterator

from focal_config_watcher.core.authoring import draft as drafts
from focal_config_watcher.core.authoring import salvage, shapes, yaml_reading
from focal_config_watcher.core.authoring.draft import Draft, Origin
from focal_config_watcher.core.authoring.folder import Kind, KnownFile
from focal_config_watcher.core.authoring.nodes import Mapping, Node, Scalar
from focal_config_watcher.domain.authoring.agent import Agent
from focal_config_watcher.domain.problem import Problem
from focal_config_watcher.domain.sources import Limits

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_VARIABLE_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")


def draft(files: list[KnownFile], limits: Limits) -> tuple[Draft, list[Problem]]:
    """What the files define and what is wrong with how they are written."""
    result = Draft()
    problems: list[Problem] = []
    for known in files:
        node, found = yaml_reading.read(known.file, limits)
        problems += found
        if known.kind is Kind.AGENT:
            problems += _agent(result, known, node, readable=not found)
        elif node is not None:
            problems += _collection(result, known, node)
    return result, [*problems, *_too_many(result, limits)]


def _agent(result: Draft, known: KnownFile, node: Node | None, readable: bool) -> Iterator[Problem]:
    path = known.file.path
    if result.has(Kind.AGENT, ""):
        yield Problem(path, 0, 0, "DUPLICATE_FILE", "keep agent.yaml or agent.yml, not both")
        return
    if node is None:
        if readable:
            yield Problem(path, 0, 0, "EMPTY", "agent.yaml needs at least id, name and system_prompt")
        return
    result.origins[Kind.AGENT, ""] = Origin(path, node)
    result.agent, problems = shapes.shape(Agent, node, path)
    yield from problems


def _collection(result: Draft, known: KnownFile, node: Node) -> Iterator[Problem]:
    path = known.file.path
    if isinstance(node, Scalar) and node.value is None:
        return
    mapping, problems = shapes.expect_mapping(node, path)
    yield from problems
    for definition_id in mapping.entries if mapping else ():
        assert mapping is not None
        yield from _definition(result, known, mapping, definition_id)


def _definition(result: Draft, known: KnownFile, mapping: Mapping, definition_id: str) -> Iterator[Problem]:
    path, kind = known.file.path, known.kind
    key = mapping.key_places[definition_id]
    if refusal := _bad_id(kind, definition_id):
        yield Problem(path, key.line, key.column, *refusal)
        return
    if result.has(kind, definition_id):
        first = result.origin(kind, definition_id)
        message = (
            f"{kind.one} `{definition_id}` is already defined in {first.path}, line "
            f"{first.node.place.line}; rename or remove one"
        )
        yield Problem(path, key.line, key.column, "DUPLICATE_ID", message)
        return
    node = mapping.entries[definition_id]
    result.origins[kind, definition_id] = Origin(path, node)
    shape = drafts.SHAPES[kind]
    definition, problems = shapes.shape(shape, node, path)
    if definition:
        result.put(kind, definition_id, definition)
    elif remains := salvage.salvage(shape, node):
        result.salvaged[kind, definition_id] = remains
    yield from problems


def _bad_id(kind: Kind, definition_id: str) -> tuple[str, str] | None:
    if kind is Kind.VARIABLES and not _VARIABLE_NAME.fullmatch(definition_id):
        message = "must start with a small letter and go on with small letters, digits and `_`"
        return "BAD_NAME", f"a variable's name {message}, at most 50"
    if not _ID.fullmatch(definition_id):
        message = "must be 1 to 64 characters out of A-Z, a-z, 0-9, `_` and `-`"
        return "BAD_ID", f"an id {message}"
    if kind is Kind.SCENARIOS and definition_id in drafts.RESERVED_SCENARIO_IDS:
        return "BAD_ID", f"`{definition_id}` has a meaning of its own; choose another id"
    return None


def _too_many(result: Draft, limits: Limits) -> Iterator[Problem]:
    for kind in Kind:
        if len(result.ids(kind)) > limits.definitions:
            message = f"an agent has at most {limits.definitions} {kind}"
            yield Problem("", 0, 0, "TOO_MANY", message)
