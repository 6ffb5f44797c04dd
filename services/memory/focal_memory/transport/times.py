"""Moments on the wire and in core (aware, UTC)."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from focal_kernel import errors


def from_proto(message: Message, field: str) -> datetime | None:
    """The moment in `field`, None when absent; InvalidArgument outside the years 1 to 9999."""
    if not message.HasField(field):
        return None
    stamp: Timestamp = getattr(message, field)
    try:
        return stamp.ToDatetime(UTC)
    except (ValueError, OverflowError):
        violation = errors.FieldViolation(field, "must be a moment of the years 1 to 9999")
        raise errors.InvalidArgument(
            "INVALID_FIELD", f"{field} {violation.description}", violations=[violation]
        ) from None


def to_proto(moment: datetime | None) -> Timestamp | None:
    """As a field takes it."""
    if moment is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
