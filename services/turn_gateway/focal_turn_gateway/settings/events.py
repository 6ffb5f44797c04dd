"""Events posted to tenants, and how long things are kept."""

from __future__ import annotations

from pydantic import Field

from focal_service_kit import settings


class Webhooks(settings.Section):
    """Events posted to the URLs of tenants."""

    allow_local: bool = Field(
        False, description="permit http and addresses that are not public; for development and tests only"
    )
    most: int = Field(20, gt=0, description="webhooks of one tenant")
    former_secret_s: float = Field(
        86_400, ge=0, description="seconds a former secret signs beside the new one"
    )
    max_bytes: int = Field(
        65_536, gt=0, description="bytes of one posted body; larger events go without their details"
    )
    timeout_s: float = Field(10, gt=0, description="seconds one post may take")
    retries: int = Field(5, ge=0, description="attempts after the first before a delivery is given up")
    retry_first_s: float = Field(10, gt=0, description="seconds before the second attempt; doubles after")
    retry_longest_s: float = Field(3600, gt=0, description="longest pause between attempts, seconds")
    disable_after: int = Field(10, gt=0, description="deliveries given up in a row that disable a webhook")
    per_minute: int = Field(1000, gt=0, description="posts to one webhook a minute, over all gateways")
    in_flight: int = Field(4, gt=0, description="posts to one webhook at once, over all gateways")
    parallel: int = Field(64, gt=0, description="posts of this process at once")
    poll_s: float = Field(0.5, gt=0, description="seconds between looks for what is due")
    claim_s: float = Field(
        30, gt=0, description="seconds after which another process may repeat a post; more than timeout_s"
    )


class Retention(settings.Section):
    """How long things are kept. What is older is removed in small batches, by one replica at a time."""

    events_days: float = Field(90, gt=0, description="days an event is kept")
    payloads_days: float = Field(
        30, gt=0, description="days the payload of a rule or custom event is kept; the event stays"
    )
    deliveries_days: float = Field(
        7, gt=0, description="days an outbox row or a delivery to a webhook is kept"
    )
    artifacts_days: float = Field(1, gt=0, description="days an artifact of a closed turn is kept")
    abuse_days: float = Field(
        90, gt=0, description="days an entry about a customer's abuse is kept once it is over or lifted"
    )
    every_s: float = Field(300, gt=0, description="seconds between looks for what is too old")
    batch: int = Field(500, gt=0, description="rows removed at once")
    pause_s: float = Field(0.1, ge=0, description="seconds between batches")
