"""Requests to domain values; what is wrong with them is said here once for all calls."""

from __future__ import annotations

import base64
import binascii

from focal.turn.v1 import session_pb2, session_service_pb2, turn_gateway_service_pb2
from focal_kernel import errors as kernel_errors
from focal_kernel import ids
from focal_turn_gateway import errors
from focal_turn_gateway.domain import channels
from focal_turn_gateway.domain.messages import Address, Content, Submission
from focal_turn_gateway.domain.sessions import SessionFilter

DEFAULT_PAGE = 20
MAX_PAGE = 100


def address_from_proto(address: turn_gateway_service_pb2.Address) -> Address:
    """A checked address. Raises InvalidArgument (INVALID_ID), UnknownChannel."""
    return Address.checked(address.agent_id, address.channel, address.channel_user_id)


def submission_from_proto(
    tenant_id: str,
    address: Address,
    content: turn_gateway_service_pb2.MessageContent,
    request_id: str,
    max_chars: int,
) -> Submission:
    """A checked submission. Raises what `Content.checked` and `Submission.checked` raise."""
    checked = Content.checked(
        content.text, dict(content.metadata), content.provider_message_id, max_chars=max_chars
    )
    return Submission.checked(tenant_id, address, checked, request_id)


def filter_from_proto(request: session_service_pb2.ListSessionsRequest) -> SessionFilter:
    """Which sessions to list. Raises InvalidArgument (INVALID_ID), UnknownChannel."""
    ended = {
        session_pb2.SESSION_STATUS_ACTIVE: False,
        session_pb2.SESSION_STATUS_ENDED: True,
    }.get(request.status)
    return SessionFilter(
        request.agent_id and ids.check_id(request.agent_id, "agent_id"),
        request.channel and channels.resolve(request.channel),
        request.customer_id and ids.check_id(request.customer_id, "customer_id"),
        ended,
    )


def offset_from_proto(offset: int) -> int:
    """A checked offset to follow from. Raises InvalidField for negative ones."""
    if offset < 0:
        raise errors.InvalidField("after_offset", "must not be negative")
    return offset


def page_size(asked: int) -> int:
    """Entries of a page: 20 when not asked for, 100 at most. Raises InvalidField for negative sizes."""
    if asked < 0:
        raise errors.InvalidField("page_size", "must not be negative")
    return min(asked or DEFAULT_PAGE, MAX_PAGE)


def page_token(last_id: str, query: str) -> str:
    """A token for the page behind `last_id` of one `query`."""
    return base64.urlsafe_b64encode(f"{query}\n{last_id}".encode()).decode()


def page_start(token: str, query: str) -> str:
    """The id that a token stands for, empty for the first page. Raises InvalidPageToken."""
    if not token:
        return ""
    try:
        found, _, last_id = base64.urlsafe_b64decode(token.encode()).decode().rpartition("\n")
        ids.check_id(last_id, "page_token")
    except (binascii.Error, ValueError, kernel_errors.InvalidArgument):
        raise errors.InvalidPageToken from None
    if found != query:
        raise errors.InvalidPageToken
    return last_id
