"""Parts of replies as the outside gets them: the Envelope that messages come in, and headers beside it.

The same goes to the router's streams and to callbacks.
"""

from __future__ import annotations

import json
from typing import Any

from focal_turn_gateway.ports.delivery import ClaimedRow

SCHEMA_VERSION = "1.1"
_TRACEPARENT = "traceparent"
_OURS = {_TRACEPARENT, "callback"}
"""Members of the stored payload that no envelope has."""


def headers(row: ClaimedRow) -> dict[str, str]:
    """Names and values of the message's headers; those that are not known are left out."""
    known = {
        "schema_version": SCHEMA_VERSION,
        "tenant_id": row.tenant_id,
        "recipient": row.payload.get("user_channel_id", ""),
        _TRACEPARENT: row.payload.get(_TRACEPARENT, ""),
    }
    return {name: value for name, value in known.items() if value}


def envelope_json(row: ClaimedRow) -> str:
    """The envelope: members of the one that messages come in, and everything an adapter needs to send it."""
    payload = row.payload
    envelope: dict[str, Any] = {
        **{name: value for name, value in payload.items() if name not in _OURS},
        "tenant_id": row.tenant_id,
        "schema_version": SCHEMA_VERSION,
        "message": {
            "id": row.dedupe_key,
            "content_type": payload.get("content_type", "").lower(),
            "text": payload.get("text", ""),
        },
        "timestamp": row.created_at.isoformat(),
    }
    return json.dumps(envelope, ensure_ascii=False)
