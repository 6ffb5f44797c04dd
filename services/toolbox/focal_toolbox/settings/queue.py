"""Provider `queue`, and the stream on which its partners report."""

from __future__ import annotations

from pydantic import Field

from focal_service_kit import settings


class QueueSettings(settings.Section):
    """Requests and reports on Valkey (or Redis) streams."""

    enabled: bool = Field(
        False,
        description="whether tools may use the provider `queue` and reports are read from `tools.results`",
    )
    max_waiting: int = Field(
        10_000, gt=0, description="requests in one stream at which further ones are refused; partners delete"
    )
    at_once: int = Field(50, gt=0, description="reports taken at once by one process")
    block_s: float = Field(1, gt=0, description="seconds one look for reports waits for some to come")
    claim_s: float = Field(
        15, gt=0, description="seconds after which a report that was taken and not recorded is taken again"
    )
    dead_letters: int = Field(10_000, gt=0, description="dead letters kept, roughly")
