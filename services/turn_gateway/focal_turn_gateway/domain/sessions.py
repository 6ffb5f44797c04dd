"""A session as its readers see it, and how sessions are listed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation of one customer with one agent on one channel; `state` is the pipeline's own JSON, and
    `version` counts its changes.
    """

    session_id: str
    tenant_id: str
    agent_id: str
    customer_id: str
    channel: str
    ended: bool
    config_version: int
    turn_count: int
    epoch: int
    state: str
    created_at: datetime
    updated_at: datetime
    last_offset: int
    open_messages: int
    version: int = 0
    ended_at: datetime | None = None
    ended_by: str = ""
    end_reason: str = ""


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """Which sessions to list; empty strings and None match all. Of the times the first is included."""

    agent_id: str = ""
    channel: str = ""
    customer_id: str = ""
    ended: bool | None = None
    updated_after: datetime | None = None
    updated_before: datetime | None = None


class SessionOrder(StrEnum):
    """How sessions are listed: the latest created, or the latest updated, first."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"


@dataclass(frozen=True, slots=True)
class Listing:
    """Which sessions, in which order."""

    matching: SessionFilter = field(default_factory=SessionFilter)
    order: SessionOrder = SessionOrder.CREATED


@dataclass(frozen=True, slots=True)
class Behind:
    """Where a page ended: its last session, and when that had been updated."""

    session_id: str
    updated_at: datetime
