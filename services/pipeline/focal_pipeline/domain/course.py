"""The course of a scenario within one turn: where it began, the steps walked, where it rests."""

from __future__ import annotations

from dataclasses import dataclass, replace

from focal_pipeline.domain.bundle import Scenario, Step
from focal_pipeline.domain.session import ScenarioInstance


@dataclass(frozen=True)
class Course:
    """`instance` is the scenario as the turn found it, or a fresh one when `started`.

    `low_confidence_turns` counts turns in a row in which no transition came near the text.
    `path` opens with the step the scenario stood on, or its entry step, and ends where it rests.
    """

    scenario: Scenario
    instance: ScenarioInstance
    path: tuple[str, ...]
    started: bool = False
    low_confidence_turns: int = 0

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the path."""
        return tuple(self.scenario.by_id[step_id] for step_id in self.path)

    @property
    def last(self) -> Step:
        """The step on which the scenario rests."""
        return self.scenario.by_id[self.path[-1]]

    @property
    def entered(self) -> tuple[str, ...]:
        """Steps arrived at this turn."""
        return self.path if self.started else self.path[1:]

    @property
    def scopes(self) -> tuple[str, ...]:
        """Scope ids of rules that apply on this course."""
        scenario_id = self.scenario.scenario_id
        return (scenario_id, *(f"{scenario_id}#{step_id}" for step_id in dict.fromkeys(self.path)))

    def resting_on(self, step_id: str) -> Course:
        """The course cut short at its first arrival on a step."""
        return replace(self, path=self.path[: self.path.index(step_id) + 1])

    def walked_on(self, further: tuple[str, ...]) -> Course:
        """The course continued; `further` opens with the step on which it rests."""
        return replace(self, path=self.path + further[1:])
