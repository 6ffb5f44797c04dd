"""Callbacks: URLs that the parts of replies on a channel are posted to, one part a request.

A receiver that knows no keys would send a part twice if it got it twice. So what an answer says is judged by
one question: may the customer have the part already?
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from focal_turn_gateway.domain.deliveries import Attempted, Verdict

_TIMED_OUT, _TOO_MANY = 408, 429


class OnDoubt(StrEnum):
    """What becomes of a part that may have arrived: it waits for a person, or it is posted again because its
    receiver tells repeats by their key.
    """

    HOLD = "hold"
    RESEND = "resend"


@dataclass(frozen=True, slots=True)
class Callback:
    """Where parts are posted, signed with `secret`."""

    name: str
    url: str
    secret: str = field(repr=False)
    on_doubt: OnDoubt = OnDoubt.HOLD


@dataclass(frozen=True, slots=True)
class Callbacks:
    """The callbacks of a deployment, by name: `tenant.channel`, or `channel` for all other tenants."""

    by_name: Mapping[str, Callback] = field(default_factory=dict)

    def name(self, tenant_id: str, channel: str) -> str:
        """The callback that a tenant's replies on a channel go to; empty when they go to none."""
        own = f"{tenant_id}.{channel}"
        if own in self.by_name:
            return own
        return channel if channel in self.by_name else ""


NO_CALLBACKS = Callbacks()


def answered(status: int) -> Attempted:
    """What an answer means. 408, 5xx and redirects may come from something between us and the receiver, which
    may have the part all the same.
    """
    if 200 <= status < 300:
        return Attempted(Verdict.TAKEN)
    reason = f"the receiver answered {status}"
    if status == _TOO_MANY:
        return Attempted(Verdict.NOT_NOW, reason)
    if 400 <= status < 500 and status != _TIMED_OUT:
        return Attempted(Verdict.REFUSED, reason)
    return Attempted(Verdict.UNKNOWN, reason)


def broken(reason: str, *, sent: bool) -> Attempted:
    """What a request without an answer means; `sent` when some of it had left."""
    return Attempted(Verdict.UNKNOWN if sent else Verdict.NOT_NOW, reason)
