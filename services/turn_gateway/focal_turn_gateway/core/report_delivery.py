"""Note what a channel adapter learnt about a part of a reply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from focal_turn_gateway import errors
from focal_turn_gateway.core.fall_back import FallBack
from focal_turn_gateway.domain.channels import Registry
from focal_turn_gateway.domain.receipts import Receipt, ReceiptState, Report
from focal_turn_gateway.ports.delivery import FallbackRung, Receipts
from focal_turn_gateway.ports.live import LiveFeed


@dataclass(frozen=True, slots=True)
class ReportDelivery:
    """Reports may come twice, late and in any order: the state only advances. `wake` tells this process's
    deliveries that something is due.
    """

    receipts: Receipts
    live: LiveFeed
    registry: Registry
    fall_back: FallBack | None
    wake: Callable[[], None]

    async def __call__(self, tenant_id: str, report: Report) -> tuple[Receipt, bool]:
        """The receipt as it stands, and whether the report said something new.

        Raises InvalidField, UnknownChannel, InvalidArgument (INVALID_ID), ReplyPartNotFound,
        StoreUnavailable.
        """
        checked = report.checked(self.registry)
        noted = await self.receipts.report(tenant_id, checked, await self._rungs(tenant_id, checked))
        if noted is None:
            raise errors.ReplyPartNotFound
        if noted.advanced:
            self.live.hint(noted.receipt.session_id)
        if noted.fell_back:
            self.wake()
        return noted.receipt, noted.advanced

    async def _rungs(self, tenant_id: str, report: Report) -> list[FallbackRung]:
        if self.fall_back is None or report.state is not ReceiptState.FAILED:
            return []
        part = await self.receipts.part(tenant_id, report)
        return [] if part is None else await self.fall_back.rungs(tenant_id, part)
