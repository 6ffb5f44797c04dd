"""P4 and P5.1 for rules: which score high enough, and which of these may fire now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from focal_pipeline.core.runtime import AgentRuntime, Rows, RuleTable, scope_key
from focal_pipeline.domain import scoring
from focal_pipeline.domain.bundle import Rule
from focal_pipeline.domain.session import SessionState
from focal_pipeline.settings import RuleSettings


@dataclass(frozen=True, slots=True)
class Matched:
    """A rule that applies; `score` is its final score, None for one that applies always."""

    rule: Rule
    score: float | None


def scope_of(matched: Matched) -> str:
    """The scope id under which a rule matched."""
    return scope_key(matched.rule)


def match(
    runtime: AgentRuntime,
    hybrid: scoring.Scores,
    scopes: Iterable[str],
    state: SessionState,
    threshold: float,
    limits: RuleSettings,
) -> tuple[Matched, ...]:
    """The rules of the scopes that apply, best first, then those that apply always.

    `scopes` are "" (GLOBAL), scenario ids and `scenario#step`.
    """
    active = tuple(scopes)
    fitting = [
        m for m in _ranked(runtime.table, hybrid, active, threshold, limits) if _may_fire(m.rule, state)
    ]
    always = [rule for scope in active for rule in runtime.always.get(scope, ())]
    always.sort(key=lambda rule: (-rule.priority, rule.rule_id))
    return (
        *_capped(fitting, limits),
        *(Matched(rule, None) for rule in always if _may_fire(rule, state)),
    )


def _ranked(
    table: RuleTable, hybrid: scoring.Scores, scopes: Sequence[str], threshold: float, limits: RuleSettings
) -> list[Matched]:
    rows = _active_rows(table, scopes)
    rows = rows[hybrid[rows] >= threshold]
    if not rows.size:
        return []
    score = scoring.final(hybrid[rows], table.priorities[rows], table.scope_weights[rows])
    # Rows ascend by rule id, so the row breaks the last tie.
    order = np.lexsort((rows, -table.priorities[rows], -score))[: limits.candidates]
    return [Matched(table.rules[rows[i]], float(score[i])) for i in order]


def _active_rows(table: RuleTable, scopes: Sequence[str]) -> Rows:
    found = [table.rows_by_scope[scope] for scope in scopes if scope in table.rows_by_scope]
    return np.concatenate(found) if found else np.zeros(0, np.intp)


def _may_fire(rule: Rule, state: SessionState) -> bool:
    fires = state.rule_fire_counts.get(rule.rule_id, 0)
    if rule.max_fires_per_session and fires >= rule.max_fires_per_session:
        return False
    last = state.rule_last_turn.get(rule.rule_id)
    return last is None or state.turn_index + 1 - last > rule.cooldown_turns


def _capped(ranked: Iterable[Matched], limits: RuleSettings) -> list[Matched]:
    per_scope: Counter[str] = Counter()
    kept: list[Matched] = []
    for matched in ranked:
        scope = scope_key(matched.rule)
        if len(kept) < limits.matched and per_scope[scope] < limits.matched_per_scope:
            per_scope[scope] += 1
            kept.append(matched)
    return kept
