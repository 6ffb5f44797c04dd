"""By which address other channels may know the customer who writes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from focal_turn_gateway.core.channel_policies import ChannelPolicies
from focal_turn_gateway.domain import personal_addresses
from focal_turn_gateway.domain.channels import UserIds
from focal_turn_gateway.domain.messages import Submission
from focal_turn_gateway.domain.personal_addresses import Kind

_KINDS = {UserIds.PHONES: Kind.PHONE, UserIds.EMAILS: Kind.EMAIL}


@dataclass(frozen=True, slots=True)
class LinkIdentity:
    """Only verified addresses count: the medium vouches for them, or the caller does."""

    policies: ChannelPolicies

    async def __call__(self, submission: Submission) -> Submission:
        """The submission with the address that its customer owns, if any. Raises StoreUnavailable."""
        where = submission.address
        facts = self.policies.registry.channel(where.channel).capability
        if not (facts.verified_ids or submission.address_verified):
            return submission
        address = personal_addresses.read(where.channel_user_id)
        if address is None or address.kind is not _KINDS.get(facts.user_ids, address.kind):
            return submission
        policy = await self.policies.policy(submission.tenant_id, where.agent_id, where.channel)
        return replace(submission, owned=address) if policy.link_identities else submission
