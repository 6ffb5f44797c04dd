"""One row of the effect ledger, and what the ledger answers to a reservation.

    (none) ── reserve ──► PREPARED ── conclude ──► DONE | FAILED | IN_DOUBT
                             │ owner lost              │          │
                             └────► IN_DOUBT ◄─────────┼──────────┘
                                       │               │
       owner, check or person tells ───┴► DONE|FAILED  └── reserve ──► PREPARED (again)

An effect that is DONE may be undone by another effect, its compensation:

    DONE ── compensation reserved ──► COMPENSATING ── it is DONE ──► COMPENSATED
      ▲                                    │
      └──────── it is FAILED ──────────────┘        while it is IN_DOUBT, the effect stays COMPENSATING

The provider of an asynchronous tool takes the request on and reports its end later (`domain.report`):

    PREPARED ── accept ──► ACCEPTED ── report ──► DONE | FAILED
                              └── none in time ──► IN_DOUBT ── late report of a lost acceptance ──► DONE |
                              FAILED

IN_DOUBT → DONE or FAILED by the process that holds the reservation is knowledge, not an effect: a
frozen process that thaws may write down what its request came to. It may not send another. What a check or a
person tells (`domain.doubt`) ends the doubt in the same way; whoever comes first decides.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from focal_toolbox.domain import confirmation
from focal_toolbox.domain.confirmation import Confirmation, Question
from focal_toolbox.domain.order import Attempt
from focal_toolbox.domain.policy import Policy


class State(enum.StrEnum):
    """Where an effect stands."""

    PREPARED = "PREPARED"
    """Reserved; the request may have been sent."""
    ACCEPTED = "ACCEPTED"
    """The provider has taken it on and reports later."""
    DONE = "DONE"
    """The provider confirmed it."""
    FAILED = "FAILED"
    """Refused or never sent: the world is unchanged, so it may be reserved again."""
    IN_DOUBT = "IN_DOUBT"
    """Nobody knows."""
    COMPENSATING = "COMPENSATING"
    """Its compensation runs, or is in doubt."""
    COMPENSATED = "COMPENSATED"
    """It was undone."""


class Outcome(enum.StrEnum):
    """What became of a wish to reserve."""

    RESERVED = "RESERVED"
    """The effect is PREPARED by this call: send."""
    EXISTS = "EXISTS"
    """The same effect is DONE, IN_DOUBT or undone: do not send."""
    RUNNING = "RUNNING"
    """The same effect is being carried out by another call: wait for its end."""
    FENCED = "FENCED"
    """A newer attempt holds the session's fence."""
    BLOCKED_IN_DOUBT = "BLOCKED_IN_DOUBT"
    """Another effect on the same business key is in doubt."""
    BLOCKED_RUNNING = "BLOCKED_RUNNING"
    """Another effect on the same business key is being carried out."""
    NOT_DONE = "NOT_DONE"
    """The effect to undo is not known to have happened."""
    OVERTAKEN = "OVERTAKEN"
    """A later effect on the business key of the effect to undo has begun or happened."""
    UNCONFIRMED = "UNCONFIRMED"
    """A yes is missing: do not send."""
    TOO_MANY_CALLS = "TOO_MANY_CALLS"
    """The turn has caused as many effects as it may."""
    OWNER_LOST = "OWNER_LOST"
    """The ledger holds the asking process for dead; its reservation would be in doubt at once."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a reservation would enter. `reservation_id` is new per call of `reserve`; agent and version say
    whose definition of the tool holds, `compensates` which effect this one undoes, `questions` what needs a
    yes. With a `token_hash`, who
    holds that token may report the end within `report_within_s` seconds; the call itself waits `awaited_s`
    for it. The turn may have at most `max_calls` effects with this one, compensations left out; None is no
    limit.
    """

    effect_id: str
    reservation_id: str
    tenant_id: str
    effect_key: str
    business_key: str
    tool_name: str
    policy: Policy
    session_id: str
    turn_group_id: str
    turn_id: str
    epoch: int
    arguments_json: str
    agent_id: str
    config_version: int
    compensates: str = ""
    questions: tuple[Question, ...] = ()
    token_hash: str = ""
    report_within_s: float = 0.0
    awaited_s: float = 0.0
    max_calls: int | None = None

    @property
    def arguments_hash(self) -> str:
        """What a yes is bound to, beside tool and session."""
        return confirmation.arguments_hash(self.arguments_json)


@dataclass(frozen=True, slots=True)
class Resolution:
    """What was said about an effect in doubt: by a person, or by the check tool; `reason` is for people."""

    state: State
    resolved_by: str
    check_tool: str
    reason: str
    resolved_at: datetime


@dataclass(frozen=True, slots=True)
class Effect:
    """One logical effect, whatever number of requests it took.

    `position` counts rows in the order they were first reserved; `attempts` counts requests;
    `prepared_at` and `updated_at` are the moments of the latest reservation and of the latest change.
    `compensates` names the effect that this one undoes. `resolution` is unset unless somebody else than the
    effect's owner said what became of it; `checks` counts how often it was asked about in the background.
    """

    effect_id: str
    position: int
    tenant_id: str
    effect_key: str
    business_key: str
    tool_name: str
    policy: Policy
    state: State
    session_id: str
    turn_group_id: str
    turn_id: str
    epoch: int
    arguments_json: str
    result_json: str
    error_reason: str
    attempts: int
    reservation_id: str
    prepared_at: datetime
    updated_at: datetime
    agent_id: str = ""
    config_version: int = 0
    compensates: str = ""
    resolution: Resolution | None = None
    checks: int = 0

    @property
    def attempt(self) -> Attempt:
        """The attempt that reserved it."""
        return Attempt(
            self.tenant_id,
            self.agent_id,
            self.config_version,
            self.session_id,
            self.turn_id,
            self.turn_group_id,
            self.epoch,
        )

    @property
    def ended(self) -> bool:
        """Whether nobody carries it out any more."""
        return self.state not in {State.PREPARED, State.ACCEPTED}

    @property
    def commit_point(self) -> bool:
        """Whether the turn that reserved it can no longer be superseded."""
        return self.policy.commits_the_turn


@dataclass(frozen=True, slots=True)
class Reservation:
    """The ledger's answer; `fence` is the session's epoch in force.

    `effect` is the caller's effect, or the blocking one for the two BLOCKED outcomes, or None. `missing` is
    the yes that an UNCONFIRMED wish waits for.
    """

    outcome: Outcome
    fence: int
    effect: Effect | None = None
    missing: Confirmation | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """Which effects to list, newest first; `before` is a position, None for the newest."""

    tenant_id: str
    session_id: str = ""
    state: State | None = None
    before: int | None = None
    limit: int = 20
