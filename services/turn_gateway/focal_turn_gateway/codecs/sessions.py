"""Sessions to protobuf, and what callers want of them back."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from focal.turn.v1 import session_pb2, session_service_pb2
from focal_kernel import ids
from focal_service_kit import pages
from focal_turn_gateway import errors
from focal_turn_gateway.codecs import requests, values
from focal_turn_gateway.domain.channels import Registry
from focal_turn_gateway.domain.session_edits import Edit, EditLimits, Move
from focal_turn_gateway.domain.sessions import Behind, Listing, Session, SessionFilter, SessionOrder
from focal_turn_gateway.domain.triggers import Request

_MICROS = re.compile(r"[0-9]{1,17}")
_SEQUENCE = re.compile(r"[0-9]{1,18}")
_MICRO = timedelta(microseconds=1)
_ETAG = re.compile(r"[0-9]{1,18}")


def session_to_proto(session: Session, *, with_state: bool) -> session_pb2.Session:
    """A session; lists leave its state out."""
    encoded = session_pb2.Session(
        session_id=session.session_id,
        tenant_id=session.tenant_id,
        agent_id=session.agent_id,
        customer_id=session.customer_id,
        channel=session.channel,
        status=session_pb2.SESSION_STATUS_ENDED if session.ended else session_pb2.SESSION_STATUS_ACTIVE,
        config_version=session.config_version,
        turn_count=session.turn_count,
        epoch=session.epoch,
        last_offset=session.last_offset,
        open_messages=session.open_messages,
        etag=str(session.version),
        ended_by=session.ended_by,
        end_reason=session.end_reason,
    )
    encoded.created_at.FromDatetime(session.created_at)
    encoded.updated_at.FromDatetime(session.updated_at)
    if session.ended_at:
        encoded.ended_at.FromDatetime(session.ended_at)
    if with_state:
        encoded.state.CopyFrom(values.state_to_proto(session.state))
    return encoded


def seen_from_proto(request: session_service_pb2.GetSessionRequest) -> int | None:
    """What the caller has seen; None when it wants the session as it stands. Raises InvalidField."""
    if not request.HasField("seen_offset"):
        return None
    if request.seen_offset < 0:
        raise errors.InvalidField("seen_offset", "must not be negative")
    return request.seen_offset


def listing_from_proto(request: session_service_pb2.ListSessionsRequest, registry: Registry) -> Listing:
    """Which sessions to list, in which order. Raises InvalidArgument (INVALID_ID), InvalidField,
    UnknownChannel.
    """
    ended = {
        session_pb2.SESSION_STATUS_ACTIVE: False,
        session_pb2.SESSION_STATUS_ENDED: True,
    }.get(request.status)
    matching = SessionFilter(
        request.agent_id and ids.check_id(request.agent_id, "agent_id"),
        request.channel and registry.resolve(request.channel),
        request.customer_id and ids.check_id(request.customer_id, "customer_id"),
        ended,
        _time(request, "updated_after"),
        _time(request, "updated_before"),
    )
    updated = request.order == session_service_pb2.SESSION_ORDER_UPDATED
    return Listing(matching, SessionOrder.UPDATED if updated else SessionOrder.CREATED)


def page_start(token: str, query: str) -> Behind | None:
    """The place that a page of a listing starts behind, None for the first. Raises InvalidArgument
    (INVALID_PAGE_TOKEN).
    """
    if not (position := pages.position(token, query)):
        return None
    micros, _, session_id = position.partition(" ")
    if not _MICROS.fullmatch(micros):
        raise pages.BadToken
    return Behind(
        ids.check_id(session_id, "page_token"), datetime.fromtimestamp(0, UTC) + int(micros) * _MICRO
    )


def page_token(last: Session, query: str) -> str:
    """What leads to the page behind a session."""
    micros = (last.updated_at - datetime.fromtimestamp(0, UTC)) // _MICRO
    return pages.token(f"{micros} {last.session_id}", query)


def sequence_start(token: str, query: str) -> int:
    """The sequence that a page of messages starts behind, 0 for the first. Raises BadToken."""
    if not (position := pages.position(token, query)):
        return 0
    if not _SEQUENCE.fullmatch(position):
        raise pages.BadToken
    return int(position)


def edit_from_proto(
    request: session_service_pb2.UpdateSessionRequest, limits: EditLimits
) -> tuple[Edit, int | None, Request]:
    """A checked edit, the version it is meant for, and what makes it repeatable.

    Raises InvalidField, InvalidArgument (INVALID_ID).
    """
    ids.check_id(request.session_id, "session_id")
    if bool(request.scenario_id) is not bool(request.step_id):
        raise errors.InvalidField("step_id", "goes with scenario_id")
    if request.scenario_id and request.scenario_id == request.leave_scenario_id:
        raise errors.InvalidField("leave_scenario_id", "is the scenario whose step is forced")
    moves = (
        *((Move(request.leave_scenario_id),) if request.leave_scenario_id else ()),
        *((Move(request.scenario_id, request.step_id),) if request.scenario_id else ()),
    )
    edit = Edit.checked(dict(request.variables_json), moves, limits)
    requests.checked_reason(request.reason)
    content = (request.session_id, repr(edit), request.etag, request.reason)
    return edit, _version(request.etag), Request.checked(request.request_id, *content)


def end_from_proto(request: session_service_pb2.EndSessionRequest) -> Request:
    """What makes an end repeatable. Raises InvalidArgument (INVALID_ID)."""
    ids.check_id(request.session_id, "session_id")
    requests.checked_reason(request.reason)
    return Request.checked(request.request_id, request.session_id, request.reason)


def _time(request: session_service_pb2.ListSessionsRequest, field: str) -> datetime | None:
    if not request.HasField(field):  # type: ignore[arg-type]
        return None
    try:
        # Whole microseconds are what the database keeps.
        found: datetime = getattr(request, field).ToDatetime(UTC)
    except (ValueError, OverflowError):
        raise errors.InvalidField(field, "is no time between the years 1 and 9999") from None
    return found


def _version(etag: str) -> int | None:
    if etag and not _ETAG.fullmatch(etag):
        raise errors.InvalidField("etag", "is none that this service gives")
    return int(etag) if etag else None
