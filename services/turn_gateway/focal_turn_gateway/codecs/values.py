"""Values that several protobuf codecs share: enums by their short names, messages, session state."""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf import json_format
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from focal.turn.v1 import message_pb2, session_pb2
from focal_turn_gateway.domain.messages import Message


@cache
def _prefix(enum: EnumTypeWrapper) -> str:
    first: str = enum.DESCRIPTOR.values_by_number[0].name
    return first.removesuffix("UNSPECIFIED")


@cache
def to_enum(enum: Any, name: str) -> Any:
    """The enum's number for a short name such as `COMPLETE`."""
    return enum.Value(_prefix(enum) + name)


@cache
def from_enum(enum: Any, number: int) -> str:
    """The short name for a number; one that this release does not know reads UNSPECIFIED."""
    value = enum.DESCRIPTOR.values_by_number.get(number)
    return "UNSPECIFIED" if value is None else str(value.name).removeprefix(_prefix(enum))


def message_to_proto(message: Message) -> message_pb2.Message:
    """A stored message."""
    encoded = message_pb2.Message(
        message_id=message.message_id,
        session_id=message.session_id,
        sequence=message.sequence,
        request_id=message.request_id,
        text=message.text,
        turn_id=message.turn_id,
        disposition=to_enum(message_pb2.MessageDisposition, message.disposition.value),
        metadata=dict(message.metadata),
        provider_message_id=message.provider_message_id,
    )
    encoded.received_at.FromDatetime(message.received_at)
    return encoded


def state_to_proto(state: str) -> session_pb2.SessionState:
    """Session state as stored; empty before the first turn. Fields of a newer release are dropped."""
    decoded = session_pb2.SessionState()
    if state:
        json_format.Parse(state, decoded, ignore_unknown_fields=True)
    return decoded
