"""A session as its readers see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


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
    """Which sessions to list; empty strings and None match all."""

    agent_id: str = ""
    channel: str = ""
    customer_id: str = ""
    ended: bool | None = None
