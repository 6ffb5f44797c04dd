"""What a tool does to the world, and what that allows."""

from __future__ import annotations

import enum


class Policy(enum.StrEnum):
    """Side-effect policy of a tool; a tool that states none counts as IRREVERSIBLE."""

    PURE = "PURE"
    """Only reads."""
    IDEMPOTENT = "IDEMPOTENT"
    """Writes; the same call again changes nothing further."""
    COMPENSATABLE = "COMPENSATABLE"
    """Writes; another tool undoes it."""
    IRREVERSIBLE = "IRREVERSIBLE"
    """Writes; nothing undoes it."""

    @property
    def ledgered(self) -> bool:
        """Whether a call is entered in the ledger before it is sent."""
        return self is not Policy.PURE

    @property
    def repeatable(self) -> bool:
        """Whether a request may be sent again although an earlier one may have arrived."""
        return self in {Policy.PURE, Policy.IDEMPOTENT}

    @property
    def commits_the_turn(self) -> bool:
        """Whether a reservation is the commit point, after which the turn cannot be superseded."""
        return self is Policy.IRREVERSIBLE
