"""Deliveries to protobuf, and what is asked about them back."""

from __future__ import annotations

from focal.turn.v1 import delivery_service_pb2 as pb
from focal.turn.v1 import event_pb2
from focal_kernel import ids
from focal_service_kit import pages
from focal_turn_gateway import errors
from focal_turn_gateway.codecs import values
from focal_turn_gateway.domain.deliveries import (
    Delivery,
    DeliveryFilter,
    DeliveryState,
    Resolution,
    Resolve,
)
from focal_turn_gateway.domain.triggers import Request

_MOST_DIGITS = 18


def delivery_to_proto(delivery: Delivery) -> pb.Delivery:
    """A delivery."""
    encoded = pb.Delivery(
        delivery_id=str(delivery.delivery_id),
        destination=delivery.destination,
        session_id=delivery.session_id,
        turn_id=delivery.turn_id,
        dedupe_key=delivery.dedupe_key,
        segment=delivery.segment,
        part=delivery.part,
        channel=delivery.channel,
        recipient=delivery.recipient,
        state=values.to_enum(event_pb2.DeliveryState, delivery.state.value),
        reason=delivery.reason,
        attempts=delivery.attempts,
    )
    encoded.created_at.FromDatetime(delivery.created_at)
    if delivery.state is DeliveryState.PENDING:
        encoded.next_attempt_at.FromDatetime(delivery.next_attempt_at)
    if delivery.settled_at is not None:
        encoded.settled_at.FromDatetime(delivery.settled_at)
    return encoded


def filter_from_proto(request: pb.ListDeliveriesRequest) -> DeliveryFilter:
    """Which deliveries to list. Raises InvalidField, InvalidArgument (INVALID_ID)."""
    names = [values.from_enum(event_pb2.DeliveryState, state) for state in request.states]
    if "UNSPECIFIED" in names:
        raise errors.InvalidField("states", f"each one of {', '.join(DeliveryState)}")
    states = tuple(dict.fromkeys(map(DeliveryState, names)))
    return DeliveryFilter(states, request.destination, request.session_id).checked()


def resolve_from_proto(request: pb.ResolveDeliveryRequest, by: str) -> tuple[Resolve, Request]:
    """A decision and what makes it repeatable. Raises InvalidField, InvalidArgument (INVALID_ID),
    DeliveryNotFound.
    """
    given = request.delivery_id
    if not _is_number(given):
        raise errors.DeliveryNotFound(given)
    name = values.from_enum(event_pb2.DeliveryResolution, request.resolution)
    if name == "UNSPECIFIED":
        raise errors.InvalidField("resolution", f"one of {', '.join(Resolution)}")
    ids.check_foreign_id(request.reason, "reason")
    resolve = Resolve(int(given), Resolution(name), request.reason, by)
    return resolve, Request.checked(request.request_id, given, name, request.reason)


def page_start(token: str, query: str) -> int:
    """The delivery that a page starts behind, 0 for the first page. Raises BadToken."""
    position = pages.position(token, query)
    if not position:
        return 0
    if not _is_number(position):
        raise pages.BadToken
    return int(position)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
