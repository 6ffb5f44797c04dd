"""How calls are carried out."""

from __future__ import annotations

from pydantic import Field

from focal_service_kit import settings


class ExecutionSettings(settings.Section):
    """Limits of tool calls."""

    timeout_s: float = Field(
        30, gt=0, description="seconds one request to a provider may take unless its tool says otherwise"
    )
    longest_timeout_s: float = Field(
        120, gt=0, description="seconds one request may take whatever its tool says"
    )
    max_arguments_bytes: int = Field(64 * 1024, gt=0, description="largest arguments, bytes of JSON")
    max_batch: int = Field(10, ge=1, le=100, description="calls in one batch")
    wait_s: float = Field(
        60, gt=0, description="seconds a call waits for an equal one that is being carried out"
    )
    poll_s: float = Field(
        0.05, gt=0, description="seconds between looks at an effect that another toolbox carries out"
    )
    compensation_s: float = Field(
        30, gt=0, description="seconds one compensation may take, its repetitions included"
    )
    drain_s: float = Field(
        10, ge=0, description="seconds running effects get to end when the process stops; then in doubt"
    )


class RetrySettings(settings.Section):
    """Repetition of PURE and IDEMPOTENT requests."""

    requests: int = Field(3, ge=1, le=10, description="requests per call at most, the first included")
    first_pause_ms: float = Field(100, gt=0, description="pause before the second request, ms; doubles")
    longest_pause_ms: float = Field(2000, gt=0, description="longest pause, ms")
    longest_wait_ms: float = Field(
        10_000,
        ge=0,
        description="longest wait that a provider may ask for (Retry-After of 429 and 503), ms; when it asks"
        " for more, the call ends",
    )
