"""What no single definition can know about itself: references, reachability, policies.

Each module checks one subject and yields problems; none changes anything.
"""

import itertools

from focal_config_watcher.core.authoring.checks import (
    bindings,
    hard_rules,
    policies,
    references,
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
    bindings.check,
    hard_rules.check,
)


def run(draft: Draft, enough: int) -> list[Problem]:
    """The problems of all checks; the search ends once there are `enough` errors."""
    problems: list[Problem] = []
    errors = 0
    for problem in itertools.chain.from_iterable(check(draft) for check in _CHECKS):
        problems.append(problem)
        errors += problem.refuses
        if errors >= enough:
            break
    return problems
