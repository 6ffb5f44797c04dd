"""What is held against customers to protobuf, and requests about it to domain values."""

from __future__ import annotations

from focal.turn.v1 import abuse_pb2
from focal.turn.v1 import abuse_service_pb2 as pb
from focal_kernel import ids
from focal_turn_gateway.codecs import requests, values
from focal_turn_gateway.domain import abuse
from focal_turn_gateway.domain.abuse import Abuse, AbuseFilter, Cause, Finding, Level, Terms
from focal_turn_gateway.domain.triggers import Request


def abuse_to_proto(entry: Abuse) -> abuse_pb2.Abuse:
    """An entry."""
    encoded = abuse_pb2.Abuse(
        abuse_id=entry.abuse_id,
        customer_id=entry.customer_id,
        level=values.to_enum(abuse_pb2.AbuseLevel, entry.level.value),
        cause=values.to_enum(abuse_pb2.AbuseCause, entry.cause.value),
        evidence=dict(entry.evidence),
        reason=entry.reason,
        noted_by=entry.noted_by,
        lifted_by=entry.lifted_by,
        lift_reason=entry.lift_reason,
    )
    encoded.since.FromDatetime(entry.since)
    if entry.until is not None:
        encoded.until.FromDatetime(entry.until)
    if entry.lifted_at is not None:
        encoded.lifted_at.FromDatetime(entry.lifted_at)
    return encoded


def filter_from_proto(request: pb.ListAbuseRequest) -> AbuseFilter:
    """Which entries to list. Raises InvalidArgument (INVALID_ID)."""
    cause = values.from_enum(abuse_pb2.AbuseCause, request.cause)
    return AbuseFilter(
        request.customer_id and ids.check_id(request.customer_id, "customer_id"),
        _level(request.level),
        None if cause == "UNSPECIFIED" else Cause(cause),
        request.holding,
    )


def block_from_proto(request: pb.BlockCustomerRequest, by: str, terms: Terms) -> tuple[Finding, Request]:
    """What a person decided and what makes it repeatable. Raises InvalidField and InvalidArgument
    (INVALID_ID).
    """
    finding = abuse.decided(
        ids.check_id(request.customer_id, "customer_id"),
        _level(request.level),
        request.hours,
        permanent=request.permanent,
        reason=requests.checked_reason(request.reason),
        by=by,
        terms=terms,
    )
    content = (finding.customer_id, finding.level.value, str(finding.hours), finding.reason)
    return finding, Request.checked(request.request_id, *content)


def lift_from_proto(request: pb.LiftAbuseRequest) -> Request:
    """What makes a lift repeatable. Raises InvalidArgument (INVALID_ID)."""
    ids.check_id(request.customer_id, "customer_id")
    requests.checked_reason(request.reason)
    return Request.checked(request.request_id, request.customer_id, request.reason)


def _level(level: int) -> Level | None:
    name = values.from_enum(abuse_pb2.AbuseLevel, level)
    return None if name == "UNSPECIFIED" else Level(name)
