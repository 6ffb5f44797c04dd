"""Confirmations, answers to them and lists of them between protobuf and the domain."""

from __future__ import annotations

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from focal.toolbox.v1 import tool_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal_kernel import ids
from focal_kernel.errors import FieldViolation
from focal_service_kit import pages
from focal_toolbox import errors
from focal_toolbox.domain.confirmation import Approver, Confirmation, Filter, Reply, Standing

APPROVERS = {
    Approver.CUSTOMER: tool_pb2.APPROVER_CUSTOMER,
    Approver.OPERATOR: tool_pb2.APPROVER_OPERATOR,
}
_STATES = {
    Standing.ASKED: tool_pb2.CONFIRMATION_STATE_ASKED,
    Standing.ACCEPTED: tool_pb2.CONFIRMATION_STATE_ACCEPTED,
    Standing.DECLINED: tool_pb2.CONFIRMATION_STATE_DECLINED,
    Standing.USED: tool_pb2.CONFIRMATION_STATE_USED,
    Standing.EXPIRED: tool_pb2.CONFIRMATION_STATE_EXPIRED,
}
_STATES_BY_NUMBER = {number: state for state, number in _STATES.items()}


def to_proto(confirmation: Confirmation) -> tool_pb2.Confirmation:
    """A confirmation as it stands."""
    return tool_pb2.Confirmation(
        confirmation_id=confirmation.confirmation_id,
        session_id=confirmation.session_id,
        tool_name=confirmation.tool_name,
        arguments_json=confirmation.arguments_json,
        prompt=confirmation.prompt,
        approver=APPROVERS[confirmation.approver],
        state=_STATES[confirmation.state],
        expires_at=_timestamp(confirmation.expires_at),
        asked_at=_timestamp(confirmation.asked_at),
        answered_at=_timestamp(confirmation.answered_at),
        answered_by=confirmation.answered_by,
        used_by=confirmation.used_by,
    )


def reply_from_proto(tenant_id: str, approver: Approver, subject: str, request: pb.ConfirmRequest) -> Reply:
    """An answer of `approver`; BadRequest or InvalidArgument INVALID_ID when it is malformed."""
    if request.request_id:
        ids.check_foreign_id(request.request_id, "request_id")
    return Reply(
        tenant_id=tenant_id,
        session_id=ids.check_id(request.session_id, "session_id"),
        confirmation_id=ids.check_id(request.confirmation_id, "confirmation_id"),
        accepted=request.accepted,
        approver=approver,
        answered_by=ids.check_foreign_id(subject, "answered_by"),
        request_id=request.request_id,
        turn_group_id=ids.check_id(request.turn_group_id, "turn_group_id") if request.turn_group_id else "",
    )


def filter_from_proto(tenant_id: str, request: pb.ListConfirmationsRequest) -> Filter:
    """What to list; BadRequest or InvalidArgument INVALID_ID when it is malformed."""
    return Filter(
        tenant_id=tenant_id,
        session_id=ids.check_id(request.session_id, "session_id") if request.session_id else "",
        state=_state(request.state),
        limit=pages.size(request.page_size),
    )


def _state(number: tool_pb2.ConfirmationState.ValueType) -> Standing | None:
    if number == tool_pb2.CONFIRMATION_STATE_UNSPECIFIED:
        return None
    if number not in _STATES_BY_NUMBER:
        raise errors.BadRequest(FieldViolation("state", "must be one of " + ", ".join(Standing)))
    return _STATES_BY_NUMBER[number]


def _timestamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
