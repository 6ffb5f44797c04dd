"""A bundle compiled for use: matrices, postings, regular expressions and indices by scope.

Compiled once per (tenant, agent, version), shared by all turns, never changed.
"""

from __future__ import annotations

import graphlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import regex
from numpy.typing import NDArray

from focal_embedding import Embedder, Vectors
from focal_pipeline import errors
from focal_pipeline.core.lexical import Postings
from focal_pipeline.domain import scoring
from focal_pipeline.domain.bundle import (
    Agent,
    Bundle,
    Rule,
    Scenario,
    Scope,
    Template,
    Tool,
    ToolBinding,
    Variable,
)

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class RuleTable:
    """Scored rules as columns: entry i of every array belongs to `rules[i]`, ids ascending."""

    rules: tuple[Rule, ...]
    vectors: Vectors
    postings: Postings
    priorities: scoring.Scores
    scope_weights: scoring.Scores
    rows_by_scope: Mapping[str, Rows]
    """Row numbers by scope id; "" is GLOBAL."""


@dataclass(frozen=True)
class Reader:
    """A variable with what finds it in a text; None where the bundle gives nothing."""

    variable: Variable
    pattern: regex.Pattern[str] | None
    synonyms: regex.Pattern[str] | None
    meanings: Mapping[str, object]
    """Value by lower-case word."""


@dataclass(frozen=True)
class AgentRuntime:
    """One version of one agent, ready to run."""

    tenant_id: str
    version: int
    embedding_model: str
    agent: Agent
    table: RuleTable
    always: Mapping[str, tuple[Rule, ...]]
    """Rules that are not scored, by scope id, in the order they apply."""
    scenarios: Mapping[str, Scenario]
    entries: Mapping[str, Vectors]
    """Vectors of the entry conditions, by scenario."""
    transitions: Mapping[str, tuple[tuple[int, ...], Vectors]]
    """By `scenario#step`: numbers of the transitions that have a text, and their vectors."""
    templates: Mapping[str, Template]
    tools: Mapping[str, Tool]
    not_enabled: Mapping[str, Tool]
    """Tools that exist but that this agent may not call, by name; it can say that they exist."""
    readers: Mapping[str, Reader]
    rule_count: int


def compile_bundle(bundle: Bundle, embedder: Embedder) -> AgentRuntime:
    """Prepare a bundle. Raises EmbeddingMismatch, or BundleUnusable when a part contradicts
    another.
    """
    if bundle.vector_keys and bundle.embedding_model != embedder.model:
        raise errors.EmbeddingMismatch(bundle.embedding_model, embedder.model)
    rows = _rows(bundle)
    enabled = tuple(sorted((r for r in bundle.rules if r.enabled), key=lambda rule: rule.rule_id))
    scenarios = {s.scenario_id: s for s in bundle.scenarios if s.enabled}
    _refuse_cycles(_all_bindings(enabled, scenarios.values()))
    return AgentRuntime(
        tenant_id=bundle.tenant_id,
        version=bundle.version,
        embedding_model=bundle.embedding_model,
        agent=bundle.agent,
        table=_table([rule for rule in enabled if not rule.always], rows, bundle),
        always=_always(enabled),
        scenarios=scenarios,
        entries={key: rows.matching(f"entry:{key}:") for key in scenarios},
        transitions=_transitions(scenarios.values(), rows),
        templates={template.template_id: template for template in bundle.templates},
        tools={tool.name: tool for tool in bundle.tools if tool.enabled},
        not_enabled={tool.name: tool for tool in bundle.tools if not tool.enabled},
        readers={variable.name: _reader(variable) for variable in bundle.variables},
        rule_count=len(enabled),
    )


class _VectorRows:
    """The bundle's matrix with its keys."""

    def __init__(self, keys: Sequence[str], matrix: Vectors) -> None:
        self._numbers = {key: number for number, key in enumerate(keys)}
        self._matrix = matrix
        self._prefixes: dict[str, list[int]] = defaultdict(list)
        for key, number in self._numbers.items():
            self._prefixes[key[: key.rindex(":") + 1]].append(number)

    def of(self, keys: Iterable[str]) -> Vectors:
        """One row per key; a key without vector gets zeros, which match nothing."""
        numbers = [self._numbers.get(key, -1) for key in keys]
        found = np.array([number >= 0 for number in numbers], bool)
        picked = np.zeros((len(numbers), self._matrix.shape[1]), np.float32)
        if found.any():
            picked[found] = self._matrix[[number for number in numbers if number >= 0]]
        return picked

    def matching(self, prefix: str) -> Vectors:
        """The rows whose key is the prefix and a number."""
        return self._matrix[self._prefixes.get(prefix, [])]

    def has(self, key: str) -> bool:
        """Whether the key has a vector."""
        return key in self._numbers


def _rows(bundle: Bundle) -> _VectorRows:
    width = max(bundle.embedding_dimensions, 1)
    if len(bundle.vectors) != 4 * width * len(bundle.vector_keys):
        raise errors.BundleUnusable("the vectors do not fit their keys")
    matrix = np.frombuffer(bundle.vectors, "<f4").reshape(-1, width)
    return _VectorRows(bundle.vector_keys, matrix)


def _table(rules: Sequence[Rule], rows: _VectorRows, bundle: Bundle) -> RuleTable:
    keys = [f"rule:{rule.rule_id}" for rule in rules]
    by_scope: dict[str, list[int]] = defaultdict(list)
    for number, rule in enumerate(rules):
        by_scope[scope_key(rule)].append(number)
    return RuleTable(
        rules=tuple(rules),
        vectors=rows.of(keys),
        postings=Postings.compiled(bundle.lexical, keys),
        priorities=np.array([rule.priority for rule in rules], np.float32),
        scope_weights=np.array([scoring.SCOPE_WEIGHT[rule.scope] for rule in rules], np.float32),
        rows_by_scope={key: np.array(numbers, np.intp) for key, numbers in by_scope.items()},
    )


def scope_key(rule: Rule) -> str:
    """The scope id a rule is found under; "" for GLOBAL."""
    return "" if rule.scope is Scope.GLOBAL else rule.scope_id


def _always(rules: Iterable[Rule]) -> Mapping[str, tuple[Rule, ...]]:
    by_scope: dict[str, list[Rule]] = defaultdict(list)
    for rule in sorted(rules, key=lambda rule: (-rule.priority, rule.rule_id)):
        if rule.always:
            by_scope[scope_key(rule)].append(rule)
    return {key: tuple(found) for key, found in by_scope.items()}


def _transitions(
    scenarios: Iterable[Scenario], rows: _VectorRows
) -> Mapping[str, tuple[tuple[int, ...], Vectors]]:
    found = {}
    for scenario in scenarios:
        for step in scenario.steps:
            place = f"{scenario.scenario_id}#{step.step_id}"
            keys = {n: f"transition:{place}:{n}" for n in range(len(step.transitions))}
            numbers = tuple(n for n, key in keys.items() if rows.has(key))
            if numbers:
                found[place] = (numbers, rows.of(keys[n] for n in numbers))
    return found


def _reader(variable: Variable) -> Reader:
    meanings = {word.lower(): value for value, words in variable.synonyms for word in words}
    longest_first = sorted(meanings, key=len, reverse=True)
    try:
        return Reader(
            variable=variable,
            pattern=regex.compile(variable.pattern, regex.IGNORECASE) if variable.pattern else None,
            synonyms=_whole_words(longest_first) if meanings else None,
            meanings=meanings,
        )
    except regex.error as error:
        raise errors.BundleUnusable(f"variable '{variable.name}' has a bad pattern: {error}") from None


def _whole_words(words: Sequence[str]) -> regex.Pattern[str]:
    """Any of the words, not inside a longer word; an emoji needs no boundary."""
    return regex.compile(rf"(?<!\w)(?:{'|'.join(map(regex.escape, words))})(?!\w)", regex.IGNORECASE)


def _all_bindings(rules: Iterable[Rule], scenarios: Iterable[Scenario]) -> list[list[ToolBinding]]:
    """The groups inside which `depends_on` orders tools: all rules together, and each step."""
    steps = [list(step.tool_bindings) for scenario in scenarios for step in scenario.steps]
    return [[binding for rule in rules for binding in rule.tool_bindings], *steps]


def _refuse_cycles(groups: Iterable[Sequence[ToolBinding]]) -> None:
    for bindings in groups:
        graph: dict[str, set[str]] = defaultdict(set)
        for binding in bindings:
            graph[binding.tool_name].update(binding.depends_on)
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as error:
            raise errors.BundleUnusable(f"tools depend on one another: {error.args[1]}") from None
