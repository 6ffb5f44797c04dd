"""What no single definition can know about itself: references, reachability, policies.

Each module checks one subject and yields problems; none changes anything.
"""

import itertools
from collections.abc import Iterator

from focal_config_watcher.core.authoring.checks import (
    bindings,
    compensations,
    doubts,
    expressions,
    hard_rules,
    policies,
    providers,
    references,
    requests,
    scenarios,
    schemas,
    texts,
    variables,
)
from focal_config_watcher.core.authoring.draft import Draft
from focal_config_watcher.domain.problem import Problem

_CHECKS = (
    references.check,
    scenarios.check,
    texts.check,
    variables.check,
    schemas.check,
    policies.check,
    providers.check,
    requests.check,
    expressions.check,
    compensations.check,
    doubts.check,
    bindings.check,
    hard_rules.check,
)


_OF_ABSENCE = frozenset(
    {
        "NO_BUSINESS_KEY",
        "BAD_BUSINESS_KEY",
        "NO_COMPENSATION",
        "BAD_COMPENSATION",
        "BAD_CHECK",
        "MISSING_ARGUMENT",
        "UNKNOWN_ARGUMENT",
        "BAD_SCHEMA",
    }
)
"""Errors that the loss of a wrong part can cause."""


def run(draft: Draft, enough: int) -> list[Problem]:
    """The problems of all checks; the search ends once there are `enough` errors."""
    problems: list[Problem] = []
    errors = 0
    for problem in itertools.chain(_all(draft), _of_remains(draft)):
        problems.append(problem)
        errors += problem.refuses
        if errors >= enough:
            break
    return problems


def _all(draft: Draft) -> Iterator[Problem]:
    for check in _CHECKS:
        yield from check(draft)


def _of_remains(draft: Draft) -> Iterator[Problem]:
    """Errors that are there for sure, in what is left of definitions with mistakes."""
    for problem in _all(draft.remains()):
        if problem.refuses and problem.reason not in _OF_ABSENCE:
            yield problem
