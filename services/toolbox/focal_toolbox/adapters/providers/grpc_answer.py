"""What the end of a gRPC call says about the world."""

from __future__ import annotations

import re

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from focal_toolbox.domain.answer import Answer, Verdict

_REFUSALS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}
_PASSING = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}
_TOO_LARGE = "larger than max"
_UNREADABLE = "ompression algorithm"
"""Words of gRPC itself about an answer that it did not take: the service had done its work by then."""
_DETAILS = "grpc-status-details-bin"
_REASON = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


def failure(error: grpc.aio.AioRpcError, limit: int) -> Answer:
    """A status other than OK. Only a code by which a service refuses says that the world is unchanged."""
    code, text = error.code(), error.details() or ""
    if _TOO_LARGE in text:
        return Answer(
            Verdict.UNKNOWN,
            reason="response_too_large",
            message=f"the provider's answer, or the request, is larger than it may be ({limit} bytes)",
        )
    name = code.name.lower()
    refused = code in _REFUSALS and _UNREADABLE not in text
    return Answer(
        Verdict.UNCHANGED if refused else Verdict.UNKNOWN,
        reason=(_stated(error) if refused else "") or f"grpc_{name}",
        message=f"the provider answered with status {code.name}",
        transient=code in _PASSING,
    )


def _stated(error: grpc.aio.AioRpcError) -> str:
    """The reason of the status's ErrorInfo, when it gives one."""
    found = next((value for key, value in error.trailing_metadata() or () if key == _DETAILS), b"")
    status, info = status_pb2.Status(), error_details_pb2.ErrorInfo()
    try:
        status.ParseFromString(found if isinstance(found, bytes) else b"")
        unpacked = any(detail.Unpack(info) for detail in status.details)
    except DecodeError:
        return ""
    return info.reason.lower() if unpacked and _REASON.fullmatch(info.reason) else ""
