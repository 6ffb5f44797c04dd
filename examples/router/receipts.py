"""What became of a part, told to Focal."""

from __future__ import annotations

from typing import Any

import grpc.aio

from focal.turn.v1 import event_pb2, receipt_service_pb2_grpc
from focal.turn.v1 import receipt_service_pb2 as pb

TIMEOUT_S = 5.0


class Receipts:
    """Reports to a gateway with a token that has the role `adapter`."""

    def __init__(self, channel: grpc.aio.Channel, token: str) -> None:
        self._stub: Any = receipt_service_pb2_grpc.ReceiptServiceStub(channel)
        self._metadata = (("authorization", f"Bearer {token}"),)

    async def sent(self, dedupe_key: str, channel: str, provider_message_id: str) -> None:
        """The provider took the part; what it says later about its own id is about this part."""
        await self._report(
            dedupe_key=dedupe_key,
            channel=channel,
            provider_message_id=provider_message_id,
            state=event_pb2.RECEIPT_STATE_SENT,
        )

    async def read(self, channel: str, provider_message_id: str) -> None:
        """The customer read it."""
        await self._report(
            channel=channel, provider_message_id=provider_message_id, state=event_pb2.RECEIPT_STATE_READ
        )

    async def _report(self, **report: Any) -> None:
        request = pb.ReportDeliveryRequest(**report)
        await self._stub.ReportDelivery(request, timeout=TIMEOUT_S, metadata=self._metadata)
