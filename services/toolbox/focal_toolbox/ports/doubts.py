"""What nobody knows the end of, and who may ask about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from focal_toolbox.domain.doubt import Ruling, Statement
from focal_toolbox.domain.effect import Effect, Resolution


class Doubts(Protocol):
    """The effects in doubt. Every call raises Unavailable while the ledger is away."""

    async def due(self) -> Sequence[Effect]:
        """Effects that are due to be asked about; they are this process's to ask for a while."""

    async def take(self, tenant_id: str, effect_id: str) -> bool:
        """Make one effect in doubt this process's to ask about now; False when somebody asks already, or it
        is not in doubt.
        """

    async def put_off(self, effect: Effect, *, for_good: bool = False) -> None:
        """Let others ask when its time comes, or nobody any more; the doubt remains."""

    async def hold_back(self, effect: Effect, after_s: float) -> None:
        """Take back that an effect of `due` was asked about: it costs no try, and others may ask in `after_s`
        seconds, or after the usual pause if that is 0.
        """

    async def state(self, statement: Statement) -> tuple[Ruling, Effect | None]:
        """End a doubt; what the ledger did, and the effect as it then stands.

        What the effect undoes changes with it, as in `EffectLedger.conclude`.
        """

    async def said(self, tenant_id: str, effect_id: str, limit: int) -> Sequence[Resolution]:
        """What was said about doubts of an effect, latest first."""
