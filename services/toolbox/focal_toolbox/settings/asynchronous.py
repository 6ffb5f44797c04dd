"""Results that are reported later."""

from __future__ import annotations

from pydantic import Field

from focal_service_kit import settings


class AsynchronousSettings(settings.Section):
    """Limits of asynchronous tools."""

    wait_s: float = Field(
        5, ge=0, description="seconds a call waits for the report before it answers STARTED"
    )
    poll_s: float = Field(
        0.2, gt=0, description="seconds between looks for a report that another toolbox may receive"
    )
    report_within_s: float = Field(
        24 * 3600,
        gt=0,
        description="seconds in which a provider has to report unless its tool says otherwise",
    )
    sweep_s: float = Field(1, gt=0, description="seconds between looks for reports that did not come in time")
    tokens_kept_s: float = Field(
        7 * 24 * 3600,
        ge=0,
        description="seconds for which a report may be repeated after its token has lapsed",
    )
    max_result_bytes: int = Field(
        32 * 1024,
        gt=0,
        description="largest reported result, bytes of JSON; a turn is opened with it, so it stays well below"
        " the gateway's limits.max_trigger_bytes (64 KiB)",
    )
    follow_up_every_s: float = Field(1, gt=0, description="seconds between looks for follow-up turns to open")
    follow_ups_at_once: int = Field(16, gt=0, description="follow-up turns opened at once by one process")
    follow_up_timeout_s: float = Field(5, gt=0, description="seconds the gateway may take to open one")
    follow_up_claim_s: float = Field(
        30, gt=0, description="seconds after which another process takes over what one has begun to open"
    )
    follow_up_first_pause_s: float = Field(
        0.5, gt=0, description="seconds until a failed follow-up turn is tried again; doubles"
    )
    follow_up_longest_pause_s: float = Field(60, gt=0, description="longest pause between tries, seconds")
