"""The one table between FocalError and the gRPC wire, in both directions.

Outwards: class → status, reason → ErrorInfo, violations → BadRequest, wait → RetryInfo. What is not
a FocalError becomes INTERNAL with an error id; its text stays in the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import grpc
import grpc.aio
from google.protobuf import any_pb2, duration_pb2, message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from focal_kernel import errors, ids

DOMAIN = "focal"
DETAILS_BYTES = 6000
"""Details travel in a header, and many clients accept 8 KiB of headers; violations beyond are
counted, not listed."""
MESSAGE_CHARS = 1000

Translator = Callable[[BaseException], errors.FocalError | None]
"""Turns an exception of one library (asyncpg, redis) into an error of ours, or declines with None."""

_CODES: tuple[tuple[type[errors.FocalError], grpc.StatusCode], ...] = (
    (errors.InvalidArgument, grpc.StatusCode.INVALID_ARGUMENT),
    (errors.Unauthenticated, grpc.StatusCode.UNAUTHENTICATED),
    (errors.PermissionDenied, grpc.StatusCode.PERMISSION_DENIED),
    (errors.NotFound, grpc.StatusCode.NOT_FOUND),
    (errors.AlreadyExists, grpc.StatusCode.ALREADY_EXISTS),
    (errors.FailedPrecondition, grpc.StatusCode.FAILED_PRECONDITION),
    (errors.OutOfRange, grpc.StatusCode.OUT_OF_RANGE),
    (errors.Aborted, grpc.StatusCode.ABORTED),
    (errors.ResourceExhausted, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (errors.Unavailable, grpc.StatusCode.UNAVAILABLE),
    (errors.DeadlineExceeded, grpc.StatusCode.DEADLINE_EXCEEDED),
    (errors.Unimplemented, grpc.StatusCode.UNIMPLEMENTED),
    (errors.Internal, grpc.StatusCode.INTERNAL),
)
_FAMILIES = {code: family for family, code in _CODES}
_UNNAMED = {
    grpc.StatusCode.UNAVAILABLE: ("DEPENDENCY_UNAVAILABLE", "a service this call needs is away"),
    grpc.StatusCode.DEADLINE_EXCEEDED: ("DEADLINE_EXCEEDED", "the deadline passed"),
    grpc.StatusCode.UNIMPLEMENTED: ("NOT_IMPLEMENTED", "this release does not have the call"),
}
"""Statuses that gRPC itself produces, without details of ours."""


def code(error: errors.FocalError) -> grpc.StatusCode:
    """The gRPC status of the error's family."""
    return next(
        (status for family, status in _CODES if isinstance(error, family)),
        grpc.StatusCode.INTERNAL,
    )


def to_status(error: errors.FocalError) -> grpc.Status:
    """The status to abort an RPC with, details included."""
    status = status_pb2.Status(code=code(error).value[0], message=error.message[:MESSAGE_CHARS])
    _attach(status, _error_info(error))
    if error.retry_after_s is not None:
        wait = duration_pb2.Duration()
        wait.FromNanoseconds(int(error.retry_after_s * 1e9))
        _attach(status, error_details_pb2.RetryInfo(retry_delay=wait))
    if error.violations:
        _attach(status, _bad_request(error, DETAILS_BYTES - status.ByteSize()))
    return rpc_status.to_status(status)


def from_rpc(failure: grpc.aio.AioRpcError) -> errors.FocalError:
    """The error that a peer sent, as the peer raised it; what gRPC itself reports gets a reason too."""
    details = _details(failure)
    family = _FAMILIES.get(failure.code(), errors.Internal)
    info = error_details_pb2.ErrorInfo()
    if not _find(details, info) or info.domain != DOMAIN:
        return _from_bare_code(failure.code())
    bad_request = error_details_pb2.BadRequest()
    _find(details, bad_request)
    retry = error_details_pb2.RetryInfo()
    return family(
        info.reason,
        failure.details() or "",
        metadata=info.metadata,
        violations=[
            errors.FieldViolation(violation.field, violation.description)
            for violation in bad_request.field_violations
        ],
        retry_after_s=(retry.retry_delay.ToNanoseconds() / 1e9 if _find(details, retry) else None),
    )


def translate(raised: BaseException, translators: Iterable[Translator]) -> errors.FocalError:
    """Whatever a handler raised as an error of ours; the unforeseen one says only its error id."""
    if isinstance(raised, errors.FocalError):
        return raised
    if isinstance(raised, grpc.aio.AioRpcError):
        return from_rpc(raised)
    for translator in translators:
        if (error := translator(raised)) is not None:
            return error
    error_id = ids.new_id("err")
    return errors.Internal("INTERNAL_ERROR", f"internal error {error_id}", metadata={"error_id": error_id})


def _error_info(error: errors.FocalError) -> error_details_pb2.ErrorInfo:
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN)
    info.metadata.update({key: value[:MESSAGE_CHARS] for key, value in error.metadata.items()})
    return info


def _bad_request(error: errors.FocalError, room: int) -> error_details_pb2.BadRequest:
    """As many violations as fit into `room` bytes; the last one counts those left out."""
    bad_request = error_details_pb2.BadRequest()
    for index, violation in enumerate(error.violations):
        listed = bad_request.field_violations.add(
            field=violation.field[:MESSAGE_CHARS], description=violation.description[:MESSAGE_CHARS]
        )
        if bad_request.ByteSize() > room:
            listed.field = ""
            listed.description = f"and {len(error.violations) - index} more"
            break
    return bad_request


def _attach(status: status_pb2.Status, detail: message.Message) -> None:
    packed = any_pb2.Any()
    packed.Pack(detail)
    status.details.append(packed)


def _details(failure: grpc.aio.AioRpcError) -> Sequence[any_pb2.Any]:
    for key, value in failure.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status = status_pb2.Status()
            try:
                status.ParseFromString(value if isinstance(value, bytes) else value.encode())
            except message.DecodeError:
                return ()
            return tuple(status.details)
    return ()


def _find(details: Sequence[any_pb2.Any], into: message.Message) -> bool:
    return any(detail.Unpack(into) for detail in details)


def _from_bare_code(status: grpc.StatusCode) -> errors.FocalError:
    """Text of a foreign status is not ours to repeat."""
    reason, text = _UNNAMED.get(status, ("INTERNAL_ERROR", f"a peer answered {status.name}"))
    family = _FAMILIES[status] if status in _UNNAMED else errors.Internal
    return family(reason, text)
