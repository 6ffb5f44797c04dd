"""What no single definition can know about itself: references, reachability, policies.

Each module checks one subject and yields problems; none changes anything.
"""

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


def run(draft: Draft) -> list[Problem]:
    """All problems of all checks."""
    return [problem for check in _CHECKS for problem in check(draft)]
