"""Questions on the wire and in core."""

from __future__ import annotations

from focal.memory.v1 import memory_service_pb2 as api
from focal_memory.domain.question import DEFAULT_LIMIT, Question, Scope
from focal_memory.transport import times


def from_proto(message: api.RecallRequest, tenant: str) -> Question:
    """The question within `tenant`; InvalidArgument on moments that do not exist."""
    return Question(
        scope=Scope(tenant, message.customer_id, message.session_id),
        text=message.query,
        limit=message.limit or DEFAULT_LIMIT,
        valid_at=times.from_proto(message, "valid_at"),
        known_at=times.from_proto(message, "known_at"),
    )
