"""What a call comes to, and the events on the way there."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import datetime

from focal_toolbox.domain.answer import Delivery, Verdict
from focal_toolbox.domain.confirmation import Approver, Confirmation, Standing
from focal_toolbox.domain.effect import Effect, State
from focal_toolbox.domain.reads import KeptRead
from focal_toolbox.errors import Refusal


class Status(enum.StrEnum):
    """How a call ended."""

    SUCCESS = "SUCCESS"
    ERROR = "ERROR"
    CACHED = "CACHED"
    IN_DOUBT = "IN_DOUBT"
    REFUSED = "REFUSED"
    STARTED = "STARTED"


@dataclass(frozen=True, slots=True)
class Started:
    """The effect is reserved, or a PURE call begins (then `effect_id` is empty)."""

    tool_name: str
    effect_id: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """Something happened on the way; `fraction` of the work done, 0 when unknown."""

    message: str
    fraction: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """The end of a call. `effect` is None for PURE tools and for refusals that met no effect; `passing` says
    that the same call may fare better soon, `confirmation` what it needs a yes to, `read_at` when a result
    that is used again came from the provider.
    """

    tool_name: str
    status: Status
    result_json: str = ""
    error_reason: str = ""
    error_message: str = ""
    effect: Effect | None = None
    provider_s: float = 0.0
    attempts: int = 0
    commit_point_reached: bool = False
    passing: bool = False
    confirmation: Confirmation | None = None
    read_at: datetime | None = None
    retry_after_s: float = 0.0


Event = Started | Progress | Result

_STATUS_OF_VERDICT = {
    Verdict.DONE: Status.SUCCESS,
    Verdict.UNCHANGED: Status.ERROR,
    Verdict.UNKNOWN: Status.IN_DOUBT,
}
_STATUS_OF_STATE = {
    State.ACCEPTED: Status.STARTED,
    State.DONE: Status.SUCCESS,
    State.FAILED: Status.ERROR,
    State.IN_DOUBT: Status.IN_DOUBT,
}
_COMPENSATED = "the effect was undone; the same wish in another turn is a new effect"
_MESSAGES = {
    State.FAILED: "the provider refused the call, or it was never sent",
    State.IN_DOUBT: "it is not known whether the call took effect",
}


def of_read(tool_name: str, delivery: Delivery) -> Result:
    """The result of a PURE call: without a clear answer it failed, there is nothing to doubt."""
    found = of_delivery(delivery)
    status = Status.ERROR if found.status is Status.IN_DOUBT else found.status
    return replace(found, tool_name=tool_name, status=status)


def of_kept(tool_name: str, kept: KeptRead) -> Result:
    """The result of a PURE call that somebody else has made already."""
    return Result(tool_name, Status.CACHED, result_json=kept.result_json, read_at=kept.read_at)


def of_delivery(delivery: Delivery) -> Result:
    """What the provider's answer says by itself."""
    answer = delivery.answer
    return Result(
        tool_name="",
        status=_STATUS_OF_VERDICT[answer.verdict],
        result_json=answer.result_json,
        error_reason=answer.reason,
        error_message=answer.message,
        provider_s=delivery.seconds,
        attempts=delivery.requests,
        passing=answer.transient,
        retry_after_s=answer.retry_after_s,
    )


def of_effect(effect: Effect, delivery: Delivery) -> Result:
    """The result of the call that carried `effect` out."""
    return Result(
        effect.tool_name,
        _STATUS_OF_STATE[effect.state],
        result_json=effect.result_json,
        error_reason=effect.error_reason,
        error_message=delivery.answer.message,
        effect=effect,
        provider_s=delivery.seconds,
        attempts=delivery.requests,
        commit_point_reached=effect.commit_point,
        passing=delivery.answer.transient,
        retry_after_s=delivery.answer.retry_after_s,
    )


def of_earlier(effect: Effect) -> Result:
    """The result of a call that found its effect ended by another call."""
    if effect.state in {State.COMPENSATING, State.COMPENSATED}:
        return blocked(effect.tool_name, Refusal("EFFECT_COMPENSATED", _COMPENSATED), effect)
    done = effect.state is State.DONE
    return Result(
        effect.tool_name,
        Status.CACHED if done else _STATUS_OF_STATE[effect.state],
        result_json=effect.result_json,
        error_reason=effect.error_reason,
        error_message=_MESSAGES.get(effect.state, ""),
        effect=effect,
        commit_point_reached=effect.commit_point,
    )


def of_report(found: Result, effect: Effect) -> Result:
    """The result of a call whose effect was reported on while it waited."""
    if effect.state in {State.COMPENSATING, State.COMPENSATED}:
        return of_earlier(effect)
    return replace(
        found,
        status=_STATUS_OF_STATE[effect.state],
        result_json=effect.result_json,
        error_reason=effect.error_reason,
        error_message=_MESSAGES.get(effect.state, ""),
        effect=effect,
        passing=False,
    )


def started(found: Result) -> Result:
    """The result of a call that returns before its effect's end is known, or told by another."""
    return replace(
        found, status=Status.STARTED, result_json="", error_reason="", error_message="", passing=False
    )


def refused(tool_name: str, refusal: Refusal) -> Result:
    """The result of a call that must not be sent."""
    return Result(
        tool_name,
        Status.REFUSED,
        error_reason=refusal.reason,
        error_message=refusal.message,
        passing=refusal.passing,
        retry_after_s=refusal.retry_after_s,
    )


def blocked(tool_name: str, refusal: Refusal, effect: Effect) -> Result:
    """The result of a call that another effect is in the way of."""
    return replace(refused(tool_name, refusal), effect=effect)


def unconfirmed(tool_name: str, missing: Confirmation) -> Result:
    """The result of a call that nobody has said yes to."""
    return replace(refused(tool_name, _why(missing)), confirmation=missing)


def _why(missing: Confirmation) -> Refusal:
    if missing.state is Standing.DECLINED:
        return Refusal("CONFIRMATION_DECLINED", f"the {missing.approver.lower()} said no to this call")
    if missing.approver is Approver.OPERATOR:
        return Refusal("APPROVAL_REQUIRED", "an operator has to say yes to exactly this call first")
    return Refusal("CONFIRMATION_REQUIRED", "the customer has to say yes to exactly this call first")
