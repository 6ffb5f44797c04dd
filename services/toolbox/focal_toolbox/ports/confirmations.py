"""Questions that calls need a yes to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from focal_toolbox.domain.confirmation import Claim, Confirmation, Filter, Question, Reply


class Confirmations(Protocol):
    """Questions and answers; calls of ledgered tools use them up in `EffectLedger.reserve`. Every call raises
    Unavailable while the store is away.
    """

    async def use(self, claim: Claim, questions: Sequence[Question]) -> Confirmation | None:
        """Use up one yes to each question for a call that is in no ledger. None: all are there.

        Otherwise nothing is used, and the first one missing is returned: ASKED, from now on at the latest, or
        DECLINED.
        """

    async def answer(self, reply: Reply) -> Confirmation:
        """Record an answer; the same one again changes nothing, a no takes back a yes that was not used.

        Raises ConfirmationNotFound, ConfirmationExpired, ConfirmationClosed (used, or answered otherwise),
        ForeignAttempt (somebody else has to answer) and RequestIdReused.
        """

    async def page(self, matching: Filter) -> Sequence[Confirmation]:
        """Confirmations, newest first."""
