"""The way a scenario takes through its steps within one turn: pure, given what is known.

A step is left once all that it collects is known and one transition qualifies (DOMAIN §5.2). The
walk is optimistic: it does not wait for the tools of the steps it passes, unless they may set what
a way out depends on; whoever runs them cuts the path at the first that fails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from focal_embedding import Thresholds
from focal_kernel import canonical_json
from focal_pipeline.domain.bundle import Scenario, Step, StepType, Transition

TextScores = Callable[[str], Mapping[int, float]]
"""Step id to cosine by number of its transitions that have a text."""


@dataclass(frozen=True)
class Walk:
    """What a walk depends on. `asked` is the step that the customer's text answers to, "" if none;
    `visits` counts recent arrivals by step; `unsettled` are the variables that tools which are due,
    but have not run yet, may set.
    """

    scenario: Scenario
    known: Mapping[str, Any]
    text_scores: TextScores
    thresholds: Thresholds
    asked: str
    visits: Counter[str]
    unsettled: frozenset[str]
    most_visits: int
    most_steps: int

    def path(self, start: str) -> tuple[str, ...]:
        """Step ids from `start` to where the walk comes to rest."""
        path, unsettled = [start], set(self.unsettled)
        while len(path) <= self.most_steps:
            step = self.scenario.by_id[path[-1]]
            following = None if _hangs_on(step, unsettled) else self._following(step)
            if following is None or self._tired_of(following, path):
                break
            path.append(following)
            unsettled |= self.scenario.by_id[following].set_by_tools
        return tuple(path)

    def _following(self, step: Step) -> str | None:
        """The step to go to from here now, or None to stay."""
        if step.is_terminal:
            return None
        satisfied = self._satisfied(step)
        scores = self.text_scores(step.step_id)
        qualified = [
            (transition, scores.get(number, 1.0), number)
            for number, transition in enumerate(step.transitions)
            if (satisfied or (transition.condition_text and step.step_id == self.asked))
            and self._qualifies(transition, scores.get(number, 1.0))
        ]
        return self._best(qualified)

    def waits_for(self, step: Step) -> tuple[str, ...]:
        """What the step collects and nobody knows yet, in its order."""
        return tuple(name for name in step.collects if name not in self.known)

    def _satisfied(self, step: Step) -> bool:
        if self.waits_for(step):
            return False
        open_question = step.type is StepType.QUESTION and not step.collects
        return not open_question or step.step_id == self.asked

    def _qualifies(self, transition: Transition, score: float) -> bool:
        return (
            score >= self.thresholds.transition
            and all(field in self.known for field in transition.condition_fields)
            and all(self._equals(name, text) for name, text in transition.condition_values.items())
        )

    def _equals(self, name: str, text: str) -> bool:
        return name in self.known and canonical_json.dumps(self.known[name]) == text

    def _best(self, qualified: list[tuple[Transition, float, int]]) -> str | None:
        """Highest priority, then what the text speaks for, then the strictest condition, then the
        order written. Two texts too close to tell apart move nothing.
        """
        if not qualified:
            return None
        ranked = sorted(qualified, key=lambda each: _rank(*each))
        best, score, _ = ranked[0]
        rivals = [
            other
            for transition, other, _ in ranked[1:]
            if transition.condition_text
            and transition.priority == best.priority
            and transition.to_step_id != best.to_step_id
        ]
        if best.condition_text and any(score - rival < self.thresholds.margin for rival in rivals):
            return None
        return best.to_step_id

    def _tired_of(self, step_id: str, path: list[str]) -> bool:
        return self.visits[step_id] + path.count(step_id) >= self.most_visits


def _hangs_on(step: Step, unsettled: set[str]) -> bool:
    """Whether a way out of the step depends on what is not settled."""
    return any(
        not unsettled.isdisjoint((*transition.condition_fields, *transition.condition_values))
        for transition in step.transitions
    )


def _rank(transition: Transition, score: float, number: int) -> tuple[float, ...]:
    return (
        -transition.priority,
        -score if transition.condition_text else 0,
        -len(transition.condition_values),
        -len(transition.condition_fields),
        number,
    )
