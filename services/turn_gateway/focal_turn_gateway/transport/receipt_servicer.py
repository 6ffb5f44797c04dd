"""`focal.turn.v1.ReceiptService`."""

from __future__ import annotations

from typing import Any

import grpc.aio

from focal.turn.v1 import receipt_service_pb2 as pb
from focal.turn.v1 import receipt_service_pb2_grpc as api
from focal_kernel import ids
from focal_service_kit import identity, pages
from focal_turn_gateway.codecs import receipts
from focal_turn_gateway.core.report_delivery import ReportDelivery

Context = grpc.aio.ServicerContext[Any, Any]
_REPORTERS = ("admin", "adapter")
_BEFORE_ALL = (-1, -1, "")


class ReceiptServicer(api.ReceiptServiceServicer):
    """Takes reports of channel adapters and shows what is known."""

    def __init__(self, report: ReportDelivery) -> None:
        self._report = report

    async def ReportDelivery(  # noqa: N802
        self, request: pb.ReportDeliveryRequest, context: Context
    ) -> pb.ReportDeliveryResponse:
        """Note what became of a part."""
        if identity.current().kind is not identity.Kind.SERVICE:
            identity.require_role(*_REPORTERS)
        tenant_id = identity.tenant(request.tenant_id)
        receipt, advanced = await self._report(tenant_id, receipts.report_from_proto(request))
        return pb.ReportDeliveryResponse(receipt=receipts.receipt_to_proto(receipt), advanced=advanced)

    async def ListReceipts(  # noqa: N802
        self, request: pb.ListReceiptsRequest, context: Context
    ) -> pb.ListReceiptsResponse:
        """A page of what is known of a turn's parts."""
        tenant_id = identity.tenant(request.tenant_id)
        turn_id = ids.check_id(request.turn_id, "turn_id")
        size = pages.size(request.page_size)
        query = f"receipts {turn_id}"
        after = _place(pages.position(request.page_token, query))
        found = await self._report.receipts.of_turn(tenant_id, turn_id, after, size + 1)
        response = pb.ListReceiptsResponse(
            receipts=[receipts.receipt_to_proto(receipt) for receipt in found[:size]]
        )
        if len(found) > size:
            response.next_page_token = pages.token(found[size - 1].place, query)
        return response


def _place(position: str) -> tuple[int, int, str]:
    if not position:
        return _BEFORE_ALL
    segment, _, rest = position.partition(".")
    part, _, channel = rest.partition(".")
    if not all(digits.isascii() and digits.isdigit() and len(digits) < 10 for digits in (segment, part)):
        raise pages.BadToken
    return int(segment), int(part), ids.check_id(channel, "page_token")
