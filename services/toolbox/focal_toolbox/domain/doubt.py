"""How a doubt ends without its owner: a check tells, or a person does."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass

import jmespath
import jmespath.exceptions

from focal_toolbox.domain.effect import Effect, State
from focal_toolbox.domain.result import Result, Status
from focal_toolbox.domain.tool import Check

FOUND_NOTHING = "check_found_nothing"
"""Reason of an effect that FAILED because its check says that nothing happened."""
RESOLVED = "resolved"
"""Reason of an effect that FAILED because a person said so."""


class Finding(enum.StrEnum):
    """What a check told."""

    HAPPENED = "HAPPENED"
    ABSENT = "ABSENT"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Checked:
    """The effect as it stands after a check; `reason` and `message` say why it is still in doubt."""

    effect: Effect
    finding: Finding
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """DONE or FAILED, as said about an effect in doubt.

    With `reservation_id` it is about that reservation alone. `request_id` and `content_hash` make it
    repeatable. A statement with `quiet_s` counts only once no request can be on its way any more: so many
    seconds after the doubt began, and not while the owner is frozen and may go on.
    """

    tenant_id: str
    effect_id: str
    state: State
    result_json: str = ""
    error_reason: str = ""
    resolved_by: str = ""
    check_tool: str = ""
    reason: str = ""
    reservation_id: str = ""
    request_id: str | None = None
    content_hash: str = ""
    quiet_s: float | None = None


class Ruling(enum.StrEnum):
    """What the ledger did with a statement."""

    RESOLVED = "RESOLVED"
    """It stands, now or by an earlier call with this request id."""
    NOT_FOUND = "NOT_FOUND"
    """The tenant has no such effect."""
    NOT_IN_DOUBT = "NOT_IN_DOUBT"
    """Somebody was faster, or there was no doubt."""
    TOO_EARLY = "TOO_EARLY"
    """A request may still be on its way."""
    REUSED = "REUSED"
    """The request id came with another statement before."""


def finding(check: Check, answer: Result) -> Finding:
    """What an answer of the check tool tells.

    False, 0 and empty text, lists and objects mean that the call did not take effect. Null tells nothing,
    as a check that failed: it comes of a path that leads nowhere, or of comparing what cannot be compared.
    """
    if answer.status is not Status.SUCCESS:
        return Finding.UNKNOWN
    try:
        # Numbers as JMESPath's own literals have them: it would take a Decimal for unequal to its float.
        found = jmespath.search(check.happened, json.loads(answer.result_json or "null"))
    except (jmespath.exceptions.JMESPathError, ValueError, TypeError):
        return Finding.UNKNOWN
    if found is None:
        return Finding.UNKNOWN
    return Finding.HAPPENED if found else Finding.ABSENT


def of_check(effect: Effect, check: Check, told: Finding, answer: Result, quiet_s: float) -> Statement | None:
    """What a finding states about an effect: a yes at once, a no after `quiet_s` seconds, else nothing."""
    if told is Finding.UNKNOWN:
        return None
    happened = told is Finding.HAPPENED
    return Statement(
        effect.tenant_id,
        effect.effect_id,
        State.DONE if happened else State.FAILED,
        result_json=answer.result_json if happened else "",
        error_reason="" if happened else FOUND_NOTHING,
        check_tool=check.tool_name,
        reason=f"{check.happened} is {'true' if happened else 'not true'} of what {check.tool_name} answered",
        reservation_id=effect.reservation_id,
        quiet_s=None if happened else quiet_s,
    )
