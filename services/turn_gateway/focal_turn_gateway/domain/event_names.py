"""Names of events: `category.type` in full, the patterns that choose among them, and what an agent may say.

The fabric's own events have the category `infra` and the reserved names below. The SQL function
`turns.event_name` gives stored events the same names, for what is chosen inside the database.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from types import MappingProxyType

from focal_turn_gateway import errors
from focal_turn_gateway.domain import events
from focal_turn_gateway.domain.turns import SupersedeAction

INFRA, RULE, CUSTOM = "infra", "rule", "custom"
CATEGORIES = frozenset({INFRA, "scenario", "tool", RULE, "policy", "memory", CUSTOM})
MOST_PATTERNS = 16
"""Patterns of one subscription; each event is compared with each of them."""

NAMES: Mapping[type[events.Body], str] = MappingProxyType(
    {
        events.MessageReceived: "infra.message.received",
        events.TurnStarted: "infra.turn.started",
        events.TurnAggregated: "infra.message.aggregated",
        events.TurnSuperseded: "infra.turn.superseded",
        events.TurnCompleted: "infra.turn.completed",
        events.TurnFailed: "infra.turn.failed",
        events.TurnCancelled: "infra.turn.cancelled",
        events.EventsDropped: "infra.events.dropped",
        events.WebhookDisabled: "infra.webhook.disabled",
        events.ReceiptReported: "infra.receipt.reported",
        events.AbuseSuspected: "infra.abuse.suspected",
        events.AbuseBlocked: "infra.abuse.blocked",
        events.AbuseLifted: "infra.abuse.lifted",
        events.SessionUpdated: "infra.session.updated",
        events.SessionEnded: "infra.session.ended",
        events.ReplyFallback: "infra.reply.fallback",
        events.DeliveryUpdated: "infra.delivery.updated",
    }
)
"""Names of the bodies that have one name each."""

DECIDED: Mapping[str, str] = MappingProxyType(
    {
        SupersedeAction.SUPERSEDE.value: "infra.supersede.decided",
        SupersedeAction.ABSORB.value: "infra.message.absorbed",
        SupersedeAction.QUEUE.value: "infra.turn.queued",
        SupersedeAction.FORCE_COMPLETE.value: "infra.turn.queued",
    }
)
"""Names of a decision by its action: what becomes of the message. The end of a superseded turn is an event
of its own, `infra.turn.superseded`.
"""

_SEVERITIES: Mapping[type[events.Body], str] = {
    events.TurnFailed: "ERROR",
    events.WebhookDisabled: "ERROR",
    events.EventsDropped: "WARN",
    events.AbuseSuspected: "WARN",
    events.AbuseBlocked: "WARN",
}
_DELIVERIES: Mapping[str, str] = {"FAILED": "ERROR", "IN_DOUBT": "WARN"}
_SPOKEN = re.compile(r"(brain\.[a-z0-9_.]+|tool\.(started|completed|failed)|commit\.reached)\Z")
_TYPE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*\Z")
_PATTERN = re.compile(r"(\*|[a-z0-9_]+(\.[a-z0-9_]+)*(\.\*)?)\Z")
_LONGEST = 96


class Refusal(StrEnum):
    """Why a reported event is not stored."""

    UNKNOWN_CATEGORY = "UNKNOWN_CATEGORY"
    INVALID_TYPE = "INVALID_TYPE"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    RATE_LIMIT = "RATE_LIMIT"
    CUSTOM_RATE_LIMIT = "CUSTOM_RATE_LIMIT"


def full_name(body: events.Body) -> str:
    """The name `category.type` of an event."""
    if isinstance(body, events.AgentReported):
        return f"{body.category}.{body.type}"
    if isinstance(body, events.SupersedeDecided):
        return DECIDED[body.action]
    return NAMES[type(body)]


def severity(body: events.Body) -> str:
    """How loud an event is: DEBUG, INFO, WARN or ERROR."""
    if isinstance(body, events.AgentReported):
        return "INFO" if body.severity == "UNSPECIFIED" else body.severity
    if isinstance(body, events.DeliveryUpdated) and not body.resolution:
        return _DELIVERIES.get(body.state, "INFO")
    return _SEVERITIES.get(type(body), "INFO")


def reported(event: events.AgentReported, max_bytes: int) -> events.AgentReported | Refusal:
    """The event as it is stored, or why it is not; `max_bytes` bounds its payload.

    Of `infra` an agent may say what the fabric interprets (`tool.*`, `commit.reached`) and how its brain
    fares (`brain.*`). Anything else under `infra` would pass for the fabric's own word: it becomes `custom`,
    with its old name behind that.
    """
    if event.category not in CATEGORIES:
        return Refusal.UNKNOWN_CATEGORY
    if not _TYPE.match(event.type) or len(event.type) > _LONGEST - len("custom.infra."):
        return Refusal.INVALID_TYPE
    if len(event.payload_json.encode()) > max_bytes:
        return Refusal.PAYLOAD_TOO_LARGE
    if event.category == INFRA and not _SPOKEN.match(event.type):
        return replace(event, category=CUSTOM, type=f"{INFRA}.{event.type}")
    return event


def checked_patterns(patterns: Sequence[str]) -> tuple[str, ...]:
    """Patterns as stored and compared; none means all. Raises InvalidField.

    A pattern is `*`, a whole name (`infra.turn.completed`), or the beginning of names up to a dot and a star
    (`tool.*`, `infra.turn.*`).
    """
    if len(patterns) > MOST_PATTERNS:
        raise errors.InvalidField("patterns", f"at most {MOST_PATTERNS}")
    for pattern in patterns:
        if not _PATTERN.match(pattern) or len(pattern) > _LONGEST:
            raise errors.InvalidField("patterns", "each is `*`, a name, or a name's beginning with `.*`")
        category = pattern.split(".", 1)[0]
        if category != "*" and category not in CATEGORIES:
            raise errors.InvalidField("patterns", f"begin with `*` or one of {', '.join(sorted(CATEGORIES))}")
    return tuple(dict.fromkeys(patterns)) or ("*",)


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether one of the checked patterns chooses the name; `turns.event_matches` says the same in SQL."""
    return any(
        pattern in ("*", name) or (pattern.endswith(".*") and name.startswith(pattern[:-1]))
        for pattern in patterns
    )
