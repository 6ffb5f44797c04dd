"""Sends a prepared request, again where the policy allows it."""

from __future__ import annotations

import asyncio
import math
import random
from dataclasses import dataclass, replace

from focal_kernel.clock import Clock
from focal_service_kit import logging
from focal_toolbox.core.admission import Admission, Permit
from focal_toolbox.domain.answer import Answer, Delivery, Verdict
from focal_toolbox.domain.redaction import NO_SECRETS
from focal_toolbox.domain.result import Progress
from focal_toolbox.ports.providers import Dispatch, Notify, TellingDispatch
from focal_toolbox.ports.secrecy import Secrecy

_log = logging.get("delivery")


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a repeatable call is sent at most, and the pauses in between (doubling, in seconds).

    A provider that names a wait gets it; one that names more than `longest_wait_s` is not asked again.
    """

    requests: int = 3
    first_pause_s: float = 0.1
    longest_pause_s: float = 2.0
    longest_wait_s: float = 10.0

    def pause_s(self, sent: int, wanted_s: float = 0.0) -> float:
        """The pause after `sent` requests, spread by ±25 % so that callers do not march in step, and not
        less than the provider wants; infinite when it wants too much.
        """
        if wanted_s > self.longest_wait_s:
            return math.inf
        pause = min(self.first_pause_s * 2.0 ** (sent - 1), self.longest_pause_s)
        return wanted_s + pause * random.uniform(0.75, 1.25)  # noqa: S311 - no secret depends on it


@dataclass(frozen=True, slots=True)
class Plan:
    """How one call may be sent.

    A request may take `request_s` seconds; after `retry_within_s` seconds no further one begins; all of them
    and their pauses may take `within_s` seconds.
    """

    idempotency_key: str
    repeatable: bool
    request_s: float
    retry_within_s: float
    within_s: float = math.inf


class Courier:
    """Sends requests, as many as their hosts can take, and adds up what they came to; `secrecy` goes through
    all that a provider says.
    """

    def __init__(
        self, retries: Retries, clock: Clock, admission: Admission, secrecy: Secrecy = NO_SECRETS
    ) -> None:
        self._retries = retries
        self._clock = clock
        self._admission = admission
        self._secrecy = secrecy

    async def admit(self, tenant_id: str, dispatch: Dispatch) -> Permit:
        """What a tenant's call needs to be delivered, to be given back afterwards. It is asked for before
        anything is reserved; raises as `Admission.admit`.
        """
        return await self._admission.admit(tenant_id, dispatch.host)

    async def deliver(self, dispatch: Dispatch, plan: Plan, notify: Notify, permit: Permit) -> Delivery:
        """Send once; where repeating is safe, until a clear answer or the limits are reached."""
        if isinstance(dispatch, TellingDispatch):
            dispatch = dispatch.telling(lambda told: notify(self._concealed(told)))
        started = self._clock.monotonic()
        allowed = self._retries.requests if plan.repeatable else 1
        until = min(plan.retry_within_s, plan.within_s)
        doubt, elapsed = False, 0.0
        for sent in range(1, allowed + 1):
            limit_s = min(plan.request_s, plan.within_s - elapsed)
            answer = self._secrecy.answer(await _send(dispatch, plan.idempotency_key, limit_s))
            permit.answered(answer)
            doubt = doubt or answer.verdict is Verdict.UNKNOWN
            pause = self._retries.pause_s(sent, answer.retry_after_s)
            elapsed = self._clock.monotonic() - started
            if not answer.transient or sent == allowed or elapsed + pause >= until:
                break
            notify(Progress(f"request {sent} of {allowed} ended with {answer.reason}, trying again"))
            await asyncio.sleep(pause)
            elapsed += pause
        return Delivery(_overall(answer, doubt), sent, elapsed)

    def _concealed(self, told: Progress) -> Progress:
        return replace(told, message=self._secrecy.text(told.message))


async def _send(dispatch: Dispatch, idempotency_key: str, limit_s: float) -> Answer:
    """A provider adapter that breaks its promise not to raise leaves the world unknown."""
    try:
        return await dispatch.send(idempotency_key, limit_s)
    except Exception as failure:  # noqa: BLE001 - whatever it was, the request may be out
        _log.error("provider adapter failed", exc_info=failure)
        return Answer(Verdict.UNKNOWN, reason="provider_failure", message="the provider adapter failed")


def _overall(last: Answer, doubt: bool) -> Answer:
    """A late refusal does not tell what an earlier unanswered request did."""
    if doubt and last.verdict is Verdict.UNCHANGED:
        return replace(last, verdict=Verdict.UNKNOWN)
    return last
