"""Requests to domain values; what is wrong with them is said here once for all calls."""

from __future__ import annotations

from google.protobuf import duration_pb2

from focal.turn.v1 import turn_gateway_service_pb2, turn_pb2
from focal_kernel import ids
from focal_service_kit import pages
from focal_turn_gateway import errors
from focal_turn_gateway.codecs import values
from focal_turn_gateway.domain.answers import Answer
from focal_turn_gateway.domain.channels import Registry
from focal_turn_gateway.domain.messages import Address, Content, Submission
from focal_turn_gateway.domain.triggers import Request, Trigger

LONGEST_AGE_S = 10 * 365 * 86_400


def address_from_proto(address: turn_gateway_service_pb2.Address, registry: Registry) -> Address:
    """A checked address. Raises InvalidArgument (INVALID_ID), UnknownChannel."""
    return Address.checked(address.agent_id, address.channel, address.channel_user_id, registry)


def submission_from_proto(
    tenant_id: str,
    address: Address,
    content: turn_gateway_service_pb2.MessageContent,
    request_id: str,
    max_chars: int,
    tier: str = "",
    *,
    address_verified: bool = False,
) -> Submission:
    """A checked submission. Raises what `Content.checked` and `Submission.checked` raise."""
    checked = Content.checked(
        content.text, dict(content.metadata), content.provider_message_id, max_chars=max_chars
    )
    return Submission.checked(
        tenant_id, address, checked, request_id, tier, address_verified=address_verified
    )


def trigger_from_proto(
    tenant_id: str, request: turn_gateway_service_pb2.TriggerTurnRequest, max_bytes: int
) -> tuple[Trigger, Request]:
    """A checked trigger and what makes it repeatable. Raises what `Trigger.checked` raises."""
    cause = values.from_enum(turn_pb2.TurnCause, request.cause)
    trigger = Trigger.checked(
        tenant_id, request.session_id, cause, request.cause_id, request.payload_json, max_bytes=max_bytes
    )
    content = (trigger.session_id, cause, trigger.cause_id, trigger.payload_json)
    return trigger, Request.checked(request.request_id, *content)


def answer_from_proto(
    tenant_id: str,
    session_id: str,
    request: turn_gateway_service_pb2.ConfirmActionRequest | turn_gateway_service_pb2.ConverseConfirm,
    operator: str = "",
) -> Answer:
    """A checked answer; `operator` names who gave it, empty for the customer. Raises InvalidArgument
    (INVALID_ID).
    """
    return Answer(
        tenant_id=tenant_id,
        session_id=ids.check_id(session_id, "session_id"),
        confirmation_id=ids.check_id(request.confirmation_id, "confirmation_id"),
        accepted=request.accepted,
        request_id=ids.check_foreign_id(request.request_id, "request_id") if request.request_id else "",
        operator=operator,
    )


def cancel_from_proto(request: turn_gateway_service_pb2.CancelTurnRequest) -> Request:
    """What makes a cancel repeatable. Raises InvalidArgument (INVALID_ID), InvalidField."""
    ids.check_id(request.session_id, "session_id")
    if request.turn_id:
        ids.check_id(request.turn_id, "turn_id")
    checked_reason(request.reason)
    return Request.checked(request.request_id, request.session_id, request.turn_id, request.reason)


def checked_reason(reason: str) -> str:
    """Words for a person, empty or within the limits of foreign ids. Raises InvalidArgument (INVALID_ID)."""
    return ids.check_foreign_id(reason, "reason") if reason else ""


def age_from_proto(age: duration_pb2.Duration) -> float:
    """An age in seconds, at most ten years. Raises InvalidField for negative and longer ones."""
    seconds: float = age.seconds + age.nanos / 1e9
    if not 0 <= seconds <= LONGEST_AGE_S:
        raise errors.InvalidField("min_age", f"0 to {LONGEST_AGE_S} seconds")
    return seconds


def offset_from_proto(offset: int) -> int:
    """A checked offset to follow from. Raises InvalidField for negative ones."""
    if offset < 0:
        raise errors.InvalidField("after_offset", "must not be negative")
    return offset


def page_start(token: str, *query: str) -> str:
    """The id that a page starts behind, empty for the first page. Raises InvalidArgument."""
    position = pages.position(token, *query)
    return ids.check_id(position, "page_token") if position else ""
