"""How turns are run, and what becomes of those that fail."""

from __future__ import annotations

from pydantic import Field

from focal_service_kit import settings
from focal_turn_gateway.domain.error_policy import Policy, Target
from focal_turn_gateway.domain.turns import SupersedeAction


class Engine(settings.Section):
    """How sessions are claimed, kept and taken over."""

    lease_s: float = Field(
        3, gt=0, description="seconds without a heartbeat after which a gateway counts as frozen"
    )
    heartbeat_s: float = Field(0.5, gt=0, description="seconds between heartbeats")
    sweep_s: float = Field(1, gt=0, description="seconds between looks for sessions nobody drains, ±25 %")
    sweep_limit: int = Field(200, gt=0, description="sessions taken up per sweep")
    max_drains: int = Field(256, gt=0, description="turns run at once by this process")
    max_waiting: int = Field(
        1000, gt=0, description="sessions of one tenant held in memory; the sweep takes up the rest"
    )


class Sharing(settings.Section):
    """How tenants share a process that cannot keep up with what they send."""

    enabled: bool = Field(True, description="whether heavy tenants wait while turns come late")
    late_ms: float = Field(
        0.5,
        gt=0,
        description="ms by which turns may be later than usual before heavy tenants begin fewer: the event"
        " loop, or what the pipeline takes to notice one",
    )
    usual_s: float = Field(60, gt=0, description="seconds whose lowest fifth is the usual lateness")
    least: float = Field(
        0.1, gt=0, description="turns that heavy tenants may always begin per step, spread evenly over it"
    )
    first: float = Field(4, gt=0, description="turns they may begin per step when a second tenant comes")
    shrink: float = Field(0.7, gt=0, lt=1, description="factor of each step down; a step up adds one turn")
    nap_s: float = Field(0.01, gt=0, description="seconds of the naps whose lateness is measured")
    every_s: float = Field(0.25, gt=0, description="seconds between steps")
    memory_s: float = Field(
        3,
        gt=0,
        description="seconds in which what a tenant wanted fades to 37 %; the mean decides who is heavy",
    )
    together_s: float = Field(
        5, gt=0, description="seconds that a tenant counts as present after it last needed a turn"
    )
    waiting: int = Field(
        20, gt=0, description="sessions of a heavy tenant that may wait for a turn meanwhile; more is refused"
    )
    retry_s: float = Field(1, gt=0, description="seconds after which who is refused is told to come again")


class Turns(settings.Section):
    """Limits of one turn."""

    budget_s: float = Field(
        60, gt=0, description="seconds a turn may take, all its attempts together, before it fails"
    )
    brain_s: float = Field(
        30, gt=0, description="seconds the pipeline may take for one attempt before the turn fails"
    )
    max_attempts: int = Field(5, ge=1, description="attempts before a turn fails (a poisoned turn)")
    retry_min_s: float = Field(
        0.1, gt=0, description="seconds before the attempt that follows a lost one; doubles after"
    )
    retry_max_s: float = Field(5, gt=0, description="longest pause after a lost attempt, seconds")
    fence_timeout_s: float = Field(10, gt=0, description="seconds to wait for the toolbox to fence")
    commit_patience_s: float = Field(
        30, gt=0, description="seconds a finished turn tries to commit while the store is away"
    )
    poll_s: float = Field(1, gt=0, description="seconds after which a lost wake hint is made good")
    max_messages: int = Field(100, gt=0, description="messages one turn answers at most")
    history: int = Field(5, ge=0, description="committed turns handed to the pipeline as history")
    error_reply: str = Field(
        "Sorry, something went wrong on our side. Please write to us again in a moment.",
        description="what the customer reads when a turn failed",
    )
    events_flush_ms: int = Field(
        50, ge=0, description="pause after which reported events are stored, ms; fewer, larger writes"
    )


class Errors(settings.Section):
    """What becomes of a turn whose attempt failed (DOMAIN §2.11)."""

    brain: Policy = Field(
        Policy.FAIL,
        description="the pipeline refused or took too long: FAIL, RETRY, ESCALATE, FALLBACK (another reply)"
        " or IGNORE (no reply)",
    )
    provider: Policy = Field(
        Policy.RETRY, description="no model answered: FAIL, RETRY, ESCALATE, FALLBACK or IGNORE"
    )
    retries: int = Field(3, ge=0, description="attempts that RETRY adds before the turn fails")
    retry_min_s: float = Field(1, gt=0, description="seconds before the first of them; doubles after")
    retry_max_s: float = Field(30, gt=0, description="longest pause between them, seconds")
    target: Target = Field(
        Target.SILENT_LOG,
        description="who is told of what ESCALATE ends: silent_log, internal_alert, tenant_webhook (by the"
        " event infra.error.escalated, which names the target) or user_error (the customer too)",
    )
    fallback_reply: str = Field(
        "I can't answer that right now. Please try again later, or ask for one of our people.",
        min_length=1,
        description="what the customer reads when FALLBACK ends a turn",
    )
    escalated_reply: str = Field(
        "Sorry, something went wrong on our side. A person will look at it and get back to you. (ESCALATED)",
        min_length=1,
        description="what the customer reads when a turn is escalated to user_error; the reply's structured"
        ' content is {"code":"ESCALATED"}',
    )


class Supersede(settings.Section):
    """Messages that arrive while a turn runs."""

    channel_default: dict[str, SupersedeAction] = Field(
        default_factory=dict,
        description="channel name to SUPERSEDE, ABSORB, QUEUE or FORCE_COMPLETE: what becomes of a message"
        " that the pipeline has no opinion about; a channel left out leaves it to the pipeline",
    )
