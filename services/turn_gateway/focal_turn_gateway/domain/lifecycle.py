"""The life of a logical turn: one table of what may follow what (DOMAIN §2.2), held by the SQL steps too.

`COMMITTING` lies between the result and its commit. The commit passes through it inside one transaction,
under the session's lock, so readers see PROCESSING and then the end: a write of its own would cost every
turn a round trip, and an attempt that dies in between has to be made again either way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from focal_turn_gateway.domain.turns import TurnStatus

A, P, G = TurnStatus.ACCUMULATING, TurnStatus.PROCESSING, TurnStatus.COMMITTING


class Step(StrEnum):
    """What happens to a turn."""

    START = "START"
    """Its first attempt begins."""
    RETRY = "RETRY"
    """Its attempt is gone without a commit; the next one begins."""
    ABSORB = "ABSORB"
    """It takes a message in."""
    FINISH = "FINISH"
    """Its answer is in hand, the pipeline's or the error policy's."""
    COMPLETE = "COMPLETE"
    """The pipeline's answer is committed."""
    FAIL = "FAIL"
    """The error policy's answer is committed."""
    SUPERSEDE = "SUPERSEDE"
    """A new turn of its group takes its place."""
    CANCEL = "CANCEL"
    """A person stops it."""


TABLE: Mapping[tuple[TurnStatus, Step], TurnStatus] = {
    (A, Step.START): P,
    (P, Step.RETRY): P,
    (G, Step.RETRY): P,
    (A, Step.ABSORB): A,
    (P, Step.ABSORB): P,
    (P, Step.FINISH): G,
    (G, Step.COMPLETE): TurnStatus.COMPLETE,
    (G, Step.FAIL): TurnStatus.FAILED,
    (A, Step.SUPERSEDE): TurnStatus.SUPERSEDED,
    (P, Step.SUPERSEDE): TurnStatus.SUPERSEDED,
    (A, Step.CANCEL): TurnStatus.CANCELLED,
    (P, Step.CANCEL): TurnStatus.CANCELLED,
}
"""Status and step to the status that follows; what is not here cannot happen."""

OPEN = frozenset({A, P, G})
TERMINAL = frozenset(TurnStatus) - OPEN

_BEFORE_COMMIT_POINT = frozenset({Step.ABSORB, Step.SUPERSEDE, Step.CANCEL})
"""Steps that an irreversible effect rules out: what has happened must be told to the end (DOMAIN §2.7)."""


class Forbidden(ValueError):
    """A step that the table does not have from here."""

    def __init__(self, turn: Standing, step: Step) -> None:
        super().__init__(f"{step} is no step from {turn.status}")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a turn stands; `attempt` counts attempts begun, 0 before the first."""

    turn_id: str
    turn_group_id: str
    status: TurnStatus = TurnStatus.ACCUMULATING
    attempt: int = 0
    superseded_from: str = ""
    superseded_by: str = ""
    commit_point_reached: bool = False


def allows(turn: Standing, step: Step) -> bool:
    """Whether the step may happen to the turn now."""
    ruled_out = turn.commit_point_reached and step in _BEFORE_COMMIT_POINT and turn.status is not A
    return (turn.status, step) in TABLE and not ruled_out


def after(turn: Standing, step: Step) -> Standing:
    """The turn after a step; its group never changes. Raises Forbidden."""
    if not allows(turn, step):
        raise Forbidden(turn, step)
    begins = step in {Step.START, Step.RETRY}
    return replace(turn, status=TABLE[turn.status, step], attempt=turn.attempt + begins)


def superseded(turn: Standing, successor_id: str) -> tuple[Standing, Standing]:
    """The turn and the one that takes its place, linked and in the same group. Raises Forbidden."""
    ended = replace(after(turn, Step.SUPERSEDE), superseded_by=successor_id)
    return ended, Standing(successor_id, turn.turn_group_id, superseded_from=turn.turn_id)


def observed(before: TurnStatus, then: TurnStatus) -> bool:
    """Whether one committed step of the database may show a reader this change. COMMITTING is never shown."""
    follows = {status: {TABLE[key] for key in TABLE if key[0] is status} for status in TurnStatus}
    shown = follows[before] - {G}
    if G in follows[before]:
        shown |= follows[G] & TERMINAL
    return then in shown or then is before
