"""What a call can fail with.

CallFailed              the gateway refused, or could not be reached
ConversationClosed      used after its end
"""

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

DOMAIN = "focal"


class CallFailed(Exception):
    """A refused or failed call.

    ``status`` is the gRPC status, ``reason`` a name of ``focal.common.v1.ErrorReason`` without its
    prefix (empty when the answer is not Focal's, as with a broken connection), ``violations`` maps
    fields to what is wrong with them, ``retry_after_s`` is None when repeating does not help.
    """

    def __init__(
        self,
        status: grpc.StatusCode,
        reason: str,
        message: str,
        metadata: dict[str, str] | None = None,
        violations: dict[str, str] | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.metadata = metadata or {}
        self.violations = violations or {}
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return f"{self.reason or self.status.name}: {self.message}"


class ConversationClosed(Exception):
    """The conversation was closed; open another."""


def from_rpc(failure: grpc.aio.AioRpcError) -> CallFailed:
    """The failure with the details that Focal's services attach."""
    info = error_details_pb2.ErrorInfo()
    bad_request = error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    for detail in _details(failure):
        for known in (info, bad_request, retry):
            detail.Unpack(known)
    return CallFailed(
        failure.code(),
        info.reason if info.domain == DOMAIN else "",
        failure.details() or failure.code().name,
        dict(info.metadata),
        {each.field: each.description for each in bad_request.field_violations},
        seconds(retry.retry_delay) if retry.HasField("retry_delay") else None,
    )


def seconds(duration: duration_pb2.Duration) -> float:
    """A protobuf duration in seconds."""
    return duration.ToNanoseconds() / 1e9


def _details(failure: grpc.aio.AioRpcError) -> list[any_pb2.Any]:
    for key, value in failure.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            return list(status_pb2.Status.FromString(value).details)
    return []
