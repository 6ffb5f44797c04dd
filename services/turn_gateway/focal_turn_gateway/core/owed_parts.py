"""Where a part of a reply is owed: the callback of its channel, else the router's stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from focal_turn_gateway.domain.callbacks import Callbacks
from focal_turn_gateway.ports.turns import OutboxRow

OUTBOUND = "outbound"
CALLBACK = "callback"


def row(callbacks: Callbacks, tenant_id: str, payload: Mapping[str, Any]) -> OutboxRow:
    """The outbox row of a part. One for a callback names it: settings may change before it is sent."""
    kept = {name: value for name, value in payload.items() if name != CALLBACK}
    name = callbacks.name(tenant_id, payload["channel"])
    if name:
        return OutboxRow(CALLBACK, payload["dedupe_key"], {**kept, CALLBACK: name})
    return OutboxRow(OUTBOUND, payload["dedupe_key"], kept)
