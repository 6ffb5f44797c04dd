"""Note what a channel adapter learnt about a part of a reply."""

from __future__ import annotations

from dataclasses import dataclass

from focal_turn_gateway import errors
from focal_turn_gateway.domain.channels import Registry
from focal_turn_gateway.domain.receipts import Receipt, Report
from focal_turn_gateway.ports.delivery import Receipts
from focal_turn_gateway.ports.live import LiveFeed


@dataclass(frozen=True, slots=True)
class ReportDelivery:
    """Reports may come twice, late and in any order: the state only advances."""

    receipts: Receipts
    live: LiveFeed
    registry: Registry

    async def __call__(self, tenant_id: str, report: Report) -> tuple[Receipt, bool]:
        """The receipt as it stands, and whether the report said something new.

        Raises InvalidField, UnknownChannel, InvalidArgument (INVALID_ID), ReplyPartNotFound,
        StoreUnavailable.
        """
        noted = await self.receipts.report(tenant_id, report.checked(self.registry))
        if noted is None:
            raise errors.ReplyPartNotFound
        receipt, advanced = noted
        if advanced:
            self.live.hint(receipt.session_id)
        return receipt, advanced
