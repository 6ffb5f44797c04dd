"""Asks the tool policy about a call, and holds back what it does not allow: no answer is a no."""

from __future__ import annotations

import asyncio

from focal_kernel.clock import Clock
from focal_kernel.errors import Unavailable
from focal_service_kit import logging
from focal_toolbox import errors
from focal_toolbox.core.confirming import Confirming
from focal_toolbox.core.preparing import Job
from focal_toolbox.domain import result
from focal_toolbox.domain.confirmation import Approver
from focal_toolbox.domain.effect import Effect, State
from focal_toolbox.domain.result import Result
from focal_toolbox.domain.tool_rules import Decision, Facts, Ruling
from focal_toolbox.ports.ledger import EffectLedger
from focal_toolbox.ports.tool_policy import DecisionMeter, ToolPolicy

_log = logging.get("policy")


class Policing:
    """`timeout_s`: seconds that a decision may take."""

    def __init__(
        self,
        policy: ToolPolicy,
        ledger: EffectLedger,
        confirming: Confirming,
        meter: DecisionMeter,
        clock: Clock,
        timeout_s: float,
    ) -> None:
        self._policy = policy
        self._ledger = ledger
        self._confirming = confirming
        self._meter = meter
        self._clock = clock
        self._timeout_s = timeout_s

    async def check(self, job: Job) -> Job | Result:
        """The job with the questions that its tool and the policy want asked, or what it came to before the
        policy forbade it; Refusal POLICY_DENIED or POLICY_UNAVAILABLE when it must not be carried out,
        Unavailable while what the policy rests on is away.
        """
        wanted, facts = self._questions(job), _facts(job)
        ruling = await self._ruling(facts)
        logging.bind(policy_decision=ruling.decision, policy_rule=ruling.rule_id)
        if ruling.unjudged:
            _log.warning(
                "rules of a tool policy could not be judged and were passed over",
                rules=ruling.unjudged,
                tenant_id=facts.tenant_id,
                tool=facts.tool_name,
            )
        if ruling.decision is Decision.ALLOW:
            return wanted
        _log.warning(
            "the tool policy holds a call back",
            decision=ruling.decision,
            rule=ruling.rule_id,
            tenant_id=facts.tenant_id,
            agent_id=facts.agent_id,
            session_id=facts.session_id,
            tool=facts.tool_name,
        )
        if ruling.decision is Decision.NEED_APPROVAL:
            return self._asking(wanted, ruling)
        if (earlier := await self._happened(job)) is not None:
            return _earlier(job, earlier)
        because = f": {ruling.reason}" if ruling.reason else ""
        raise errors.Refusal("POLICY_DENIED", f"the tool policy forbids this call{because}")

    def _questions(self, job: Job) -> Job:
        return self._confirming.of_undoing(job) if job.compensates else self._confirming.of_tool(job)

    def _asking(self, job: Job, ruling: Ruling) -> Job:
        """One yes of the same person is enough, whatever it is wanted for. While something is undone, no
        customer is there to ask.
        """
        approver = Approver.OPERATOR if job.compensates else ruling.approver
        if any(question.approver is approver for question in job.questions):
            return job
        return self._confirming.ask(job, approver, ruling.reason)

    async def _happened(self, job: Job) -> Effect | None:
        """The job's own effect, which began while it was allowed: a repeat must not call it refused."""
        if not job.effect_key:
            return None
        found = await self._ledger.of_key(job.order.attempt.tenant_id, job.effect_key)
        return None if found is None or found.state is State.FAILED else found

    async def _ruling(self, facts: Facts) -> Ruling:
        asked_at = self._clock.monotonic()
        ruling: Ruling | None = None
        try:
            async with asyncio.timeout(self._timeout_s):
                ruling = await self._policy.decide(facts)
            return ruling
        except Unavailable:
            # Nothing was sent, and the caller asks again: a database that restarts must not cost the call.
            logging.bind(policy_decision="NONE")
            raise
        except Exception as failure:  # noqa: BLE001 - whatever it is, nobody has allowed the call
            logging.bind(policy_decision="NONE")
            _log.error("the tool policy did not decide, so the call is refused", error=repr(failure))
            raise errors.Refusal(
                "POLICY_UNAVAILABLE", "the tool policy cannot be asked now, so nothing was sent", passing=True
            ) from None
        finally:
            seconds = self._clock.monotonic() - asked_at
            self._meter.decided(facts.tenant_id, ruling.decision if ruling else None, seconds)


def _earlier(job: Job, effect: Effect) -> Result:
    if effect.state in {State.PREPARED, State.ACCEPTED}:
        text = f"effect {effect.effect_id} began before the policy forbade it and is still being carried out"
        return result.blocked(job.tool.name, errors.Refusal("EFFECT_IN_PROGRESS", text), effect)
    return result.of_earlier(effect)


def _facts(job: Job) -> Facts:
    attempt = job.order.attempt
    return Facts(
        tenant_id=attempt.tenant_id,
        agent_id=attempt.agent_id,
        session_id=attempt.session_id,
        tool_name=job.tool.name,
        side_effect=job.tool.policy,
        arguments=job.arguments.values,
    )
