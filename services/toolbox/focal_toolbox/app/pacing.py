"""The part of the composition root that says how calls are carried out."""

from __future__ import annotations

from collections.abc import Mapping

from focal_toolbox.core.bookkeeping import Pauses
from focal_toolbox.core.checking import Patience
from focal_toolbox.core.delivering import Retries
from focal_toolbox.core.effecting import Timing
from focal_toolbox.core.executing import Timeouts
from focal_toolbox.domain.confirmation import Approver
from focal_toolbox.settings import ToolboxSettings


def retries(settings: ToolboxSettings) -> Retries:
    """How often requests are repeated."""
    return Retries(
        settings.retry.requests,
        settings.retry.first_pause_ms / 1000,
        settings.retry.longest_pause_ms / 1000,
        settings.retry.longest_wait_ms / 1000,
    )


def timing(settings: ToolboxSettings) -> Timing:
    """How long reservations and equal calls last."""
    return Timing(
        send_within_s=settings.instance.send_within_s,
        wait_s=settings.execution.wait_s,
        poll_s=settings.execution.poll_s,
    )


def times_to_answer(settings: ToolboxSettings) -> Mapping[Approver, float]:
    """Seconds that questions and answers stand, by who is asked."""
    limits = settings.confirmation
    return {Approver.CUSTOMER: limits.ttl_s, Approver.OPERATOR: limits.operator_ttl_s}


def pauses(settings: ToolboxSettings) -> Pauses:
    """How often a ledger that is away is tried again."""
    return Pauses(first_s=settings.execution.poll_s)


def timeouts(settings: ToolboxSettings) -> Timeouts:
    """How long one request may take."""
    return Timeouts(settings.execution.timeout_s, settings.execution.longest_timeout_s)


def patience(settings: ToolboxSettings) -> Patience:
    """How long checks may take, and when they are believed."""
    return Patience(settings.check.within_s, settings.check.after_s, settings.check.poll_s)
