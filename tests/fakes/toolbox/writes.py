"""What a session has written, as a test says."""

from __future__ import annotations

from dataclasses import dataclass, field

from focal_toolbox import errors
from focal_toolbox.domain.reads import Writes
from tests.fakes.toolbox.ledger import BEGINNING


@dataclass
class FixedWrites:
    """A SessionWrites that says the same of every session; `away` raises LedgerAway."""

    standing: Writes = field(default_factory=lambda: Writes(BEGINNING))
    away: bool = False
    asked: int = 0

    async def of(self, tenant_id: str, session_id: str) -> Writes:
        self.asked += 1
        if self.away:
            raise errors.LedgerAway
        return self.standing
