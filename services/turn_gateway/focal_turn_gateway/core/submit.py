"""Accept a message: check it, make it durable, then see that somebody answers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from focal_kernel import errors as kernel_errors
from focal_service_kit import tracing
from focal_turn_gateway.core.accumulate import Accumulate
from focal_turn_gateway.core.admit import Admit
from focal_turn_gateway.core.link_identity import LinkIdentity
from focal_turn_gateway.domain.events import MessageReceived, StoredEvent
from focal_turn_gateway.domain.messages import Accepted, Message, Submission
from focal_turn_gateway.ports.engine import TurnEngine
from focal_turn_gateway.ports.live import LiveFeed
from focal_turn_gateway.ports.messages import MessageStore, Refusals
from focal_turn_gateway.ports.sessions import AgentDirectory


@dataclass(frozen=True, slots=True)
class Submit:
    """Nothing is stored of a message that is refused, and nothing is acknowledged that is not stored."""

    agents: AgentDirectory
    store: MessageStore
    engine: TurnEngine
    live: LiveFeed
    accumulate: Accumulate
    refusals: Refusals
    admit: Admit
    link: LinkIdentity

    async def __call__(self, submission: Submission) -> Accepted:
        """Store a message and wake its session.

        Raises NotFound (TENANT_NOT_FOUND, AGENT_NOT_FOUND), Crowded, CustomerBlocked,
        RateLimited, RequestIdReused, QueueFull, StoreUnavailable.
        """
        await self.agents.require(submission.tenant_id, submission.address.agent_id)
        accepted = await self._stored(submission)
        if not accepted.duplicate:
            self.live.publish(accepted.session_id, [_received(submission, accepted)])
        # A repeat wakes too: the first try may have died between its commit and its wake.
        self.engine.wake(submission.tenant_id, accepted.session_id)
        return accepted

    async def _stored(self, submission: Submission) -> Accepted:
        try:
            allowance = await self.admit(submission)
            window = await self.accumulate.window(submission)
            accepted = await self.store.submit(await self.link(submission), window)
        except (kernel_errors.ResourceExhausted, kernel_errors.PermissionDenied) as refusal:
            self.refusals.count(submission.tenant_id, refusal.reason)
            raise
        return replace(accepted, allowance=allowance)


def _received(submission: Submission, accepted: Accepted) -> StoredEvent:
    message = Message(
        message_id=accepted.message_id,
        session_id=accepted.session_id,
        sequence=accepted.sequence,
        text=submission.content.text,
        received_at=accepted.received_at,
        request_id=submission.request_id,
        metadata=submission.content.metadata,
        provider_message_id=submission.content.provider_message_id,
    )
    return StoredEvent(
        accepted.session_id,
        accepted.event_offset,
        accepted.received_at,
        MessageReceived(message),
        trace_id=tracing.current_trace_id(),
    )
