"""Hard rules are refused while nothing enforces them: a promise nobody keeps is worse than none."""

from collections.abc import Iterator

from focal_config_watcher.core.authoring.draft import Draft
from focal_config_watcher.core.authoring.folder import Kind
from focal_config_watcher.domain.problem import Problem


def check(draft: Draft) -> Iterator[Problem]:
    """Every hard rule, with the reason ENFORCEMENT_UNAVAILABLE."""
    for rule_id, rule in draft.rules.items():
        key = "hard" if rule.hard else "must_hold"
        if rule.hard or rule.must_hold:
            message = (
                "this release does not enforce hard rules; remove "
                f"`{key}` and say it in `then`, or keep the agent unpublished"
            )
            origin = draft.origin(Kind.RULES, rule_id)
            yield origin.error("ENFORCEMENT_UNAVAILABLE", message, key)
