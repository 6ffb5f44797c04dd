"""What is delivered, and what is reported about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from focal_turn_gateway.domain.receipts import Receipt, Report


class Receipts(Protocol):
    """What channel adapters reported about the parts of replies."""

    async def report(self, tenant_id: str, report: Report) -> tuple[Receipt, bool] | None:
        """Note a report; the receipt as it stands and whether it changed, None for a part that is unknown.
        Raises StoreUnavailable.
        """

    async def of_turn(
        self, tenant_id: str, turn_id: str, after: tuple[int, int], limit: int
    ) -> list[Receipt]:
        """Receipts of a turn's parts behind a segment and part, in order. Raises StoreUnavailable."""


@dataclass(frozen=True, slots=True)
class ClaimedRow:
    """An outbox row that this process delivers now, for the `attempts`th time; its turn was committed at
    `created_at`.
    """

    outbox_id: int
    tenant_id: str
    session_id: str
    dedupe_key: str
    payload: dict[str, Any]
    attempts: int
    created_at: datetime


class Outbox(Protocol):
    """Rows that wait for delivery."""

    async def claim(self, destination: str, limit: int) -> list[ClaimedRow]:
        """Take the oldest row of each session for this process."""

    async def delivered(self, outbox_ids: Sequence[int]) -> None:
        """The destination took them."""

    async def postpone(self, outbox_ids: Sequence[int], seconds: float) -> None:
        """Try again later."""

    async def give_up(self, outbox_ids: Sequence[int]) -> None:
        """The destination will never take them: let what waits behind them pass."""


class Destination(Protocol):
    """Where outbox rows go. A repeated delivery with the same dedupe key must change nothing."""

    async def deliver(self, rows: Sequence[ClaimedRow]) -> None:
        """Deliver all rows or raise; Undeliverable when trying again cannot help."""
