"""Batches between protobuf and the domain."""

from __future__ import annotations

from collections.abc import Sequence

from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal_toolbox import errors
from focal_toolbox.domain.batch import Step
from focal_toolbox.domain.result import Event
from focal_toolbox.transport import codec


def steps_from_proto(tenant_id: str, request: pb.ExecuteBatchRequest) -> Sequence[Step]:
    """The calls of a tenant's batch; BadRequest or InvalidArgument INVALID_ID when one is malformed."""
    return [_step(tenant_id, request, number) for number in range(len(request.calls))]


def event_to_proto(number: int, event: Event) -> pb.ExecuteBatchResponse:
    """One event of the call at a position."""
    return pb.ExecuteBatchResponse(index=number, event=codec.event_to_proto(event))


def _step(tenant_id: str, request: pb.ExecuteBatchRequest, number: int) -> Step:
    call = request.calls[number]
    with errors.located("call.", f"calls[{number}]."):
        order = codec.order_from_proto(tenant_id, pb.ExecuteRequest(context=request.context, call=call))
    return Step(order, call.critical, frozenset(call.after), call.independent)
