"""Customers' messages to Focal: lines of a provider's webhook become entries of `events.routed.*`."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import redis.asyncio

SCHEMA_VERSION = "1.0"


class NotAMessage(Exception):
    """A line that is no message; says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Whose messages these are: one tenant's agent on one channel."""

    tenant_id: str
    agent_id: str
    channel: str

    def stream(self, direction: str) -> str:
        """The stream of that direction, `routed` or `outbound`."""
        return f"events.{direction}.{self.tenant_id}.{self.channel}"


def entry(place: Place, line: str) -> dict[str, str]:
    """The entry for a line such as `{"from": "+4930123", "id": "wamid.1", "text": "Hello"}`. Raises
    NotAMessage.

    The provider's `id` makes it repeatable: providers post a webhook again whenever they doubt that it
    arrived.
    """
    said = _object(line)
    envelope = {
        "tenant_id": place.tenant_id,
        "agent_id": place.agent_id,
        "channel": place.channel,
        "user_channel_id": _text(said, "from"),
        "message": {"id": str(said.get("id", "")), "content_type": "text", "text": _text(said, "text")},
        "timestamp": str(said.get("timestamp", "")),
        "metadata": {},
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "tenant_id": place.tenant_id,
        "traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01",
        "envelope": json.dumps(envelope, ensure_ascii=False),
    }


async def write(client: redis.asyncio.Redis, place: Place, line: str) -> str:
    """Add a line to its stream and return the entry's id; from here on Focal has the message. Raises
    NotAMessage.
    """
    fields: dict[Any, Any] = dict(entry(place, line))
    added: Any = await client.xadd(place.stream("routed"), fields)
    return str(added.decode())


def _object(line: str) -> Mapping[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        raise NotAMessage("no JSON") from None
    if not isinstance(said, dict):
        raise NotAMessage("no JSON object")
    return said


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not value:
        raise NotAMessage(f"'{name}' is missing")
    return value
