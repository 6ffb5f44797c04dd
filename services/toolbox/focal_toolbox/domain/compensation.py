"""How effects are undone, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from focal_toolbox.domain.effect import Effect, State
from focal_toolbox.domain.order import Attempt
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.result import Result, Status
from focal_toolbox.errors import Refusal

UNDONE = frozenset({Status.SUCCESS, Status.CACHED})
_WAITS = frozenset({"EFFECT_IN_PROGRESS", "APPROVAL_REQUIRED"})


@dataclass(frozen=True, slots=True)
class Demand:
    """Effects of a turn group to undo, all of them without ids; `attempt` is the one that ended the group."""

    attempt: Attempt
    effect_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Undoing:
    """What undoing one effect came to; tool and effect of the result are those of its compensation."""

    effect_id: str
    result: Result

    @property
    def passing(self) -> bool:
        """Whether repeating it soon may get further: doubt about a compensation ends by asking again only
        where that is safe.
        """
        found = self.result
        if found.status is Status.IN_DOUBT:
            return found.effect is not None and found.effect.policy is Policy.IDEMPOTENT
        waits = found.status is Status.STARTED or found.error_reason in _WAITS
        return found.passing or waits


@dataclass(frozen=True, slots=True)
class Undone:
    """What came of a demand: the effects as they stand, oldest first; what was tried, latest effect first."""

    effects: Sequence[Effect]
    undoings: Sequence[Undoing]

    @property
    def repeat(self) -> bool:
        """Whether repeating the demand soon may get further."""
        return any(each.passing for each in self.undoings if each.result.status not in UNDONE)


def to_undo(effects: Sequence[Effect]) -> Sequence[Effect]:
    """Those that may have happened, the latest first: what was built last rests on what was built before."""
    return [each for each in reversed(effects) if each.state is not State.FAILED]


def refusal(effect: Effect) -> Refusal | None:
    """Why an effect is not undone, as far as it says so by itself."""
    if effect.policy is not Policy.COMPENSATABLE:
        text = f"{effect.tool_name} is {effect.policy}: nothing undoes it, a person has to decide"
        return Refusal("NOT_COMPENSATABLE", text)
    if effect.state is State.IN_DOUBT:
        return Refusal("EFFECT_IN_DOUBT", "nobody knows whether there is anything to undo; resolve it first")
    if not effect.ended:
        return Refusal("EFFECT_IN_PROGRESS", "it is still being carried out")
    return None
