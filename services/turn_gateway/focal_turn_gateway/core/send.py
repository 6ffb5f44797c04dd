"""Send a message and wait for the turn that answers it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

from focal_turn_gateway import errors
from focal_turn_gateway.core.follow import Follow
from focal_turn_gateway.core.submit import Submit
from focal_turn_gateway.domain.events import StoredEvent, TurnCancelled, TurnCompleted, TurnFailed
from focal_turn_gateway.domain.messages import Accepted, Submission
from focal_turn_gateway.domain.turns import Turn
from focal_turn_gateway.ports.sessions import SessionReader


@dataclass(frozen=True, slots=True)
class Send:
    """The wait ends with the answer or with the caller's patience; the message is answered either way."""

    submit: Submit
    follow: Follow
    reader: SessionReader

    async def __call__(self, submission: Submission, timeout_s: float | None) -> tuple[Accepted, Turn]:
        """The stored message and its turn. Raises what `Submit` raises, and ReplyNotReady after
        `timeout_s`.
        """
        give_up_at = None if timeout_s is None else asyncio.get_running_loop().time() + timeout_s
        accepted = await self.submit(submission)
        try:
            async with asyncio.timeout_at(give_up_at):
                return accepted, await self._answer(submission.tenant_id, accepted)
        except TimeoutError:
            raise errors.ReplyNotReady(accepted.message_id) from None

    async def _answer(self, tenant_id: str, accepted: Accepted) -> Turn:
        offset = accepted.event_offset
        if accepted.duplicate:
            # Read the offset before the answer: what is answered in between is then behind the offset.
            offset = (await self.reader.session(tenant_id, accepted.session_id)).last_offset
            answered = await self.reader.turn_answering(tenant_id, accepted.message_id)
            if answered is not None:
                return answered
        async with aclosing(self.follow(accepted.session_id, offset)) as items:
            async for item in items:
                if not isinstance(item, StoredEvent):
                    continue
                if turn := _answers(item, accepted.message_id):
                    return turn
                if _cancels(item, accepted.message_id):
                    return await self.reader.turn(tenant_id, item.turn_id)
        raise AssertionError("following a session never ends by itself")


def _cancels(event: StoredEvent, message_id: str) -> bool:
    return isinstance(event.body, TurnCancelled) and message_id in event.body.message_ids


def _answers(event: StoredEvent, message_id: str) -> Turn | None:
    if isinstance(event.body, TurnCompleted | TurnFailed) and message_id in event.body.turn.message_ids:
        return event.body.turn
    return None
