"""What sessions have done to the world."""

from __future__ import annotations

from typing import Protocol

from focal_toolbox.domain.reads import Writes


class SessionWrites(Protocol):
    """Looks at the effects of a session."""

    async def of(self, tenant_id: str, session_id: str) -> Writes:
        """What the session has done so far; raises Unavailable while the ledger is away."""
