"""What retrieval at run time needs precomputed: vectors and word postings."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from focal_config_watcher.domain.authoring.bundle import AuthoredBundle
from focal_config_watcher.domain.lexical import LexicalIndex


@dataclass(frozen=True)
class RetrievalIndex:
    """Unit vectors, shape (len(keys), dimensions), and postings of the rules' conditions."""

    keys: tuple[str, ...]
    matrix: NDArray[np.float32]
    lexical: LexicalIndex


def texts(bundle: AuthoredBundle) -> dict[str, str]:
    """What is embedded, by key: `rule:<id>`, `entry:<scenario>:<n>`,
    `transition:<scenario>#<step>:<n>`; n counts from 0 in the order written. What is not enabled is
    left out, and so are rules that always apply.
    """
    return dict([*_rules(bundle), *_entries(bundle), *_transitions(bundle)])


def is_rule(key: str) -> bool:
    """Whether a key names a rule's condition."""
    return key.startswith("rule:")


def _rules(bundle: AuthoredBundle) -> Iterator[tuple[str, str]]:
    for rule_id, rule in sorted(bundle.rules.items()):
        if rule.enabled and not rule.always:
            yield f"rule:{rule_id}", rule.when


def _entries(bundle: AuthoredBundle) -> Iterator[tuple[str, str]]:
    for scenario_id, scenario in sorted(bundle.scenarios.items()):
        if scenario.enabled:
            for n, text in enumerate(scenario.starts_when):
                yield f"entry:{scenario_id}:{n}", text


def _transitions(bundle: AuthoredBundle) -> Iterator[tuple[str, str]]:
    for scenario_id, scenario in sorted(bundle.scenarios.items()):
        if not scenario.enabled:
            continue
        for step_id, step in scenario.steps.items():
            for n, transition in enumerate(step.next):
                if transition.when:
                    yield f"transition:{scenario_id}#{step_id}:{n}", transition.when
