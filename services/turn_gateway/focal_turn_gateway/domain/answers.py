"""Answers to the question whether a tool may be called, given otherwise than in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from focal_kernel import canonical_json
from focal_turn_gateway.domain.triggers import Request, Trigger

CAUSE = "CONFIRMATION"


@dataclass(frozen=True, slots=True)
class Answer:
    """A yes or no to one confirmation of the toolbox. `operator` names the person of the tenant who gave it;
    empty when it is the customer's.
    """

    tenant_id: str
    session_id: str
    confirmation_id: str
    accepted: bool
    request_id: str = ""
    operator: str = ""

    def trigger(self) -> Trigger:
        """What opens the turn in which the answer has its effect."""
        who = "An operator" if self.operator else "The customer"
        said = "agreed to" if self.accepted else "declined"
        payload = {
            "confirmation_id": self.confirmation_id,
            "accepted": self.accepted,
            "text": f"{who} has {said} what was asked.",
        }
        return Trigger(
            self.tenant_id, self.session_id, CAUSE, self.confirmation_id, canonical_json.dumps(payload)
        )

    def request(self) -> Request:
        """One turn for each answer, however often and under whatever request id it is given."""
        said = "yes" if self.accepted else "no"
        return Request.checked(f"confirmation:{self.confirmation_id}:{said}", self.session_id, said)


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer is recorded: the turn it opened, and when a yes lapses unused."""

    turn_id: str
    already_open: bool
    expires_at: datetime
