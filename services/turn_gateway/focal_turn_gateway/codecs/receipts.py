"""Receipts to protobuf and reports back."""

from __future__ import annotations

from focal.turn.v1 import event_pb2
from focal.turn.v1 import receipt_service_pb2 as pb
from focal_turn_gateway import errors
from focal_turn_gateway.codecs import values
from focal_turn_gateway.domain.receipts import Receipt, ReceiptState, Report


def report_from_proto(request: pb.ReportDeliveryRequest) -> Report:
    """A report, unchecked but for its state. Raises InvalidField."""
    state = values.from_enum(event_pb2.ReceiptState, request.state)
    if state == "UNSPECIFIED":
        raise errors.InvalidField("state", f"one of {', '.join(ReceiptState)}")
    return Report(
        request.dedupe_key,
        request.channel,
        request.provider_message_id,
        ReceiptState(state),
        request.reason,
    )


def receipt_to_proto(receipt: Receipt) -> pb.Receipt:
    """A receipt."""
    encoded = pb.Receipt(
        dedupe_key=receipt.dedupe_key,
        session_id=receipt.session_id,
        turn_id=receipt.turn_id,
        segment=receipt.segment,
        part=receipt.part,
        channel=receipt.channel,
        state=values.to_enum(event_pb2.ReceiptState, receipt.state.value),
        provider_message_id=receipt.provider_message_id,
        reason=receipt.reason,
    )
    encoded.updated_at.FromDatetime(receipt.updated_at)
    return encoded
