"""The whole way from files to a checked bundle."""

from collections.abc import Sequence
from dataclasses import dataclass

from focal_config_watcher.core.authoring import activating, checks, drafting, folder, shelving
from focal_config_watcher.domain.authoring.bundle import AuthoredBundle
from focal_config_watcher.domain.catalogue import Offer
from focal_config_watcher.domain.problem import Problem
from focal_config_watcher.domain.sources import Limits, SourceFile


@dataclass(frozen=True)
class Reading:
    """What the sources say. `bundle` is None when a problem refuses them; `agent_id` is empty when
    it cannot be told; `problems` are by file and line.
    """

    agent_id: str
    bundle: AuthoredBundle | None
    problems: tuple[Problem, ...]


def read(files: Sequence[SourceFile], limits: Limits, available: Sequence[Offer] = ()) -> Reading:
    """Read and check everything, together with the tools that are available without being defined.

    Takes a second for thousands of rules, so call it in a thread.
    """
    known, problems = folder.sort(files, limits)
    draft, found = drafting.draft(known, limits)
    problems += found
    problems += shelving.add(draft, available)
    problems += activating.activate(draft)
    problems += checks.run(draft, enough=limits.problems)
    refused = any(problem.refuses for problem in problems)
    return Reading(
        agent_id=draft.agent.id if draft.agent else "",
        bundle=None if refused else draft.bundle(),
        problems=_listed(problems, limits.problems),
    )


def _listed(problems: Sequence[Problem], limit: int) -> tuple[Problem, ...]:
    """By file and line, errors kept before warnings where the limit cuts."""
    unique = set(problems)
    if len(unique) > limit:
        kept = sorted(unique, key=lambda problem: (not problem.refuses, problem))[: limit - 1]
        message = "there are more problems than are listed; mend these first"
        unique = {*kept, Problem("", 0, 0, "MORE_PROBLEMS", message)}
    return tuple(sorted(unique))
