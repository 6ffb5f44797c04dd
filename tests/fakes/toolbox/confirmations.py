"""In-memory twin of the toolbox's Confirmations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from focal_kernel import ids
from focal_toolbox import errors
from focal_toolbox.domain.confirmation import Claim, Confirmation, Filter, Question, Reply, Standing

_OPEN = {Standing.ASKED, Standing.ACCEPTED}


@dataclass
class MemoryConfirmations:
    """Rows in the order they were asked; `now` is its clock."""

    rows: list[Confirmation] = field(default_factory=list)
    now: datetime = datetime(2025, 1, 1, tzinfo=UTC)
    ttls: dict[str, timedelta] = field(default_factory=dict)
    declined_in: dict[str, str] = field(default_factory=dict)
    requests: dict[str, tuple[str, bool]] = field(default_factory=dict)

    async def use(self, claim: Claim, questions: Sequence[Question]) -> Confirmation | None:
        taken = []
        for question in questions:
            passing = [one for one in self._of(claim, question) if self._passes(one, claim)]
            if not passing:
                return self._ask(claim, question)
            taken.append(min(passing, key=lambda one: one.state is not Standing.USED))
        for one in taken:
            self._put(replace(one, state=Standing.USED, used_by=claim.used_by))
        return None

    async def answer(self, reply: Reply) -> Confirmation:
        own = [one for one in self.rows if one.confirmation_id == reply.confirmation_id]
        if not own or (own[0].tenant_id, own[0].session_id) != (reply.tenant_id, reply.session_id):
            raise errors.ConfirmationNotFound(reply.confirmation_id)
        (found,) = own
        if found.approver is not reply.approver:
            raise errors.ForeignAttempt(f"an answer of the {found.approver.lower()}")
        request_id, said = self.requests.get(found.confirmation_id, ("", False))
        if reply.request_id and reply.request_id == request_id:
            if said is not reply.accepted:
                raise errors.RequestIdReused
            return found
        wanted = Standing.ACCEPTED if reply.accepted else Standing.DECLINED
        if self._standing(found) is Standing.EXPIRED:
            raise errors.ConfirmationExpired(reply.confirmation_id)
        if found.state is Standing.ASKED or (found.state is Standing.ACCEPTED and not reply.accepted):
            self.requests[found.confirmation_id] = (reply.request_id, reply.accepted)
            self.declined_in[found.confirmation_id] = reply.turn_group_id
            return self._put(
                replace(
                    found,
                    state=wanted,
                    answered_at=self.now,
                    answered_by=reply.answered_by,
                    expires_at=self.now + self.ttls[found.confirmation_id],
                )
            )
        if found.state is wanted:
            return found
        raise errors.ConfirmationClosed(reply.confirmation_id, found.state)

    async def page(self, matching: Filter) -> Sequence[Confirmation]:
        found = [
            replace(one, state=self._standing(one))
            for one in self.rows
            if one.tenant_id == matching.tenant_id
            and matching.session_id in {"", one.session_id}
            and matching.state in {None, self._standing(one)}
            and (matching.before is None or one.position < matching.before)
        ]
        return found[::-1][: matching.limit]

    def _ask(self, claim: Claim, question: Question) -> Confirmation:
        for one in self._of(claim, question):
            if self._standing(one) is Standing.EXPIRED:
                self._put(replace(one, state=Standing.EXPIRED))
        latest = self._of(claim, question)[-1:]
        if latest and latest[0].state in _OPEN:
            return latest[0]
        if latest and latest[0].state is Standing.DECLINED:
            group = self.declined_in[latest[0].confirmation_id] or claim.turn_group_id
            self.declined_in[latest[0].confirmation_id] = group
            if group == claim.turn_group_id:
                return latest[0]
        asked = Confirmation(
            confirmation_id=ids.new_id("cnf"),
            position=len(self.rows) + 1,
            tenant_id=claim.tenant_id,
            session_id=claim.session_id,
            tool_name=claim.tool_name,
            arguments_json=claim.arguments_json,
            prompt=question.prompt,
            approver=question.approver,
            state=Standing.ASKED,
            asked_at=self.now,
            expires_at=self.now + timedelta(seconds=question.ttl_s),
        )
        self.ttls[asked.confirmation_id] = timedelta(seconds=question.ttl_s)
        self.rows.append(asked)
        return asked

    def _of(self, claim: Claim, question: Question) -> list[Confirmation]:
        wanted = (
            claim.tenant_id,
            claim.session_id,
            claim.tool_name,
            claim.arguments_json,
            question.approver,
        )
        return [
            one
            for one in self.rows
            if (one.tenant_id, one.session_id, one.tool_name, one.arguments_json, one.approver) == wanted
        ]

    def _passes(self, one: Confirmation, claim: Claim) -> bool:
        if one.state is Standing.USED:
            return one.used_by == claim.used_by
        return one.state is Standing.ACCEPTED and one.expires_at > self.now

    def _standing(self, one: Confirmation) -> Standing:
        return Standing.EXPIRED if one.state in _OPEN and one.expires_at <= self.now else one.state

    def _put(self, changed: Confirmation) -> Confirmation:
        self.rows[changed.position - 1] = changed
        return changed
