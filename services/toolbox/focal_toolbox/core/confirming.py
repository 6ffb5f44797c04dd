"""Which calls need a yes, and who says it; the ledger uses it up with the reservation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from focal_toolbox.core.preparing import Job
from focal_toolbox.domain import confirmation, keys
from focal_toolbox.domain.confirmation import Approver, Claim, Confirmation, Filter, Question, Reply
from focal_toolbox.ports.confirmations import Confirmations


@dataclass(frozen=True, slots=True)
class Page:
    """Confirmations, newest first; `next_before` asks for the next page, None on the last."""

    confirmations: Sequence[Confirmation]
    next_before: int | None


class Confirming:
    """`ttl_s`: seconds a question may stay unanswered, and then a yes unused, by who is asked."""

    def __init__(self, confirmations: Confirmations, ttl_s: Mapping[Approver, float]) -> None:
        self._confirmations = confirmations
        self._ttl_s = ttl_s

    def ask(self, job: Job, approver: Approver, text: str) -> Job:
        """The job that needs this yes too. Places in the text are filled from the job's arguments."""
        prompt = confirmation.prompt(job.tool.name, text, job.arguments)
        return replace(job, questions=(*job.questions, Question(approver, prompt, self._ttl_s[approver])))

    def of_tool(self, job: Job) -> Job:
        """The job with the question that its tool's definition wants asked."""
        tool = job.tool
        if not tool.requires_confirmation:
            return job
        return self.ask(job, Approver.CUSTOMER, tool.confirmation_prompt)

    def of_undoing(self, job: Job) -> Job:
        """The same for a job that undoes an effect. No conversation runs then, so an operator is asked."""
        tool = job.tool
        if not tool.requires_confirmation:
            return job
        return self.ask(job, Approver.OPERATOR, tool.confirmation_prompt)

    async def missing(self, job: Job) -> Confirmation | None:
        """What a call that is in no ledger still needs a yes to; None when it may be made now."""
        if not job.questions:
            return None
        attempt = job.order.attempt
        claim = Claim(
            tenant_id=attempt.tenant_id,
            session_id=attempt.session_id,
            turn_group_id=attempt.turn_group_id,
            tool_name=job.tool.name,
            arguments_json=job.arguments.canonical,
            used_by=keys.read_key(job.order, job.arguments),
        )
        return await self._confirmations.use(claim, job.questions)

    async def answer(self, reply: Reply) -> Confirmation:
        """Record an answer; raises as `Confirmations.answer`."""
        return await self._confirmations.answer(reply)

    async def page(self, matching: Filter) -> Page:
        """One page; one row more is read to know whether another page follows."""
        found = await self._confirmations.page(replace(matching, limit=matching.limit + 1))
        shown = found[: matching.limit]
        more = len(found) > matching.limit
        return Page(shown, shown[-1].position if more else None)
