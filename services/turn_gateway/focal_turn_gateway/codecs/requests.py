"""Requests to domain values; what is wrong with them is said here once for all calls."""

from __future__ import annotations

from focal.turn.v1 import session_pb2, session_service_pb2, turn_gateway_service_pb2
from focal_kernel import ids
from focal_service_kit import pages
from focal_turn_gateway import errors
from focal_turn_gateway.domain.channels import Registry
from focal_turn_gateway.domain.messages import Address, Content, Submission
from focal_turn_gateway.domain.sessions import SessionFilter


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
) -> Submission:
    """A checked submission. Raises what `Content.checked` and `Submission.checked` raise."""
    checked = Content.checked(
        content.text, dict(content.metadata), content.provider_message_id, max_chars=max_chars
    )
    return Submission.checked(tenant_id, address, checked, request_id, tier)


def filter_from_proto(request: session_service_pb2.ListSessionsRequest, registry: Registry) -> SessionFilter:
    """Which sessions to list. Raises InvalidArgument (INVALID_ID), UnknownChannel."""
    ended = {
        session_pb2.SESSION_STATUS_ACTIVE: False,
        session_pb2.SESSION_STATUS_ENDED: True,
    }.get(request.status)
    return SessionFilter(
        request.agent_id and ids.check_id(request.agent_id, "agent_id"),
        request.channel and registry.resolve(request.channel),
        request.customer_id and ids.check_id(request.customer_id, "customer_id"),
        ended,
    )


def offset_from_proto(offset: int) -> int:
    """A checked offset to follow from. Raises InvalidField for negative ones."""
    if offset < 0:
        raise errors.InvalidField("after_offset", "must not be negative")
    return offset


def page_start(token: str, *query: str) -> str:
    """The id that a page starts behind, empty for the first page. Raises InvalidArgument."""
    position = pages.position(token, *query)
    return ids.check_id(position, "page_token") if position else ""
