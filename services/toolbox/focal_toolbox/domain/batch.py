"""Several calls of one attempt: which of them may overlap, and which no longer begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from focal_toolbox.domain.order import Order
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.result import Result, Status
from focal_toolbox.errors import Refusal

SUCCEEDED = frozenset({Status.SUCCESS, Status.CACHED})
FAILED = frozenset({Status.ERROR, Status.IN_DOUBT, Status.REFUSED})


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a batch. `after`: positions of earlier ones that must have succeeded; a failure of a
    `critical` one stops the rest; an `independent` one may overlap with whatever `after` does not name.
    """

    order: Order
    critical: bool = False
    after: frozenset[int] = frozenset()
    independent: bool = False


def waits(steps: Sequence[Step], policies: Sequence[Policy]) -> Sequence[frozenset[int]]:
    """For each step the positions of those that have to end before it begins.

    Reads commute with one another and with nothing else: unless its caller knows better, what is written
    later must not be seen earlier, nor what was written be missed.
    """

    def overlaps(one: int, other: int) -> bool:
        reads = policies[one] is policies[other] is Policy.PURE
        return reads or steps[one].independent or steps[other].independent

    return [
        step.after | {earlier for earlier in range(number) if not overlaps(earlier, number)}
        for number, step in enumerate(steps)
    ]


def refusal(step: Step, ended: Mapping[int, Result], stopped_by: int | None) -> Refusal | None:
    """Why a step does not begin, now that everything it waits for has ended."""
    if stopped_by is not None:
        text = f"call {stopped_by} of the batch is critical and failed before this one began"
        return Refusal("BATCH_STOPPED", text)
    for number in sorted(step.after):
        if ended[number].status not in SUCCEEDED:
            text = f"call {number} of the batch, which this one comes after, did not succeed"
            return Refusal("PREREQUISITE_FAILED", text)
    return None
