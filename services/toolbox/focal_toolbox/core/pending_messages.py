"""Nothing irreversible happens over the head of a customer who has just written again.

The caller alone can see messages that wait, so it has to state the fact; without its word the call is refused
before anything is reserved, because a reservation is the commit point.
"""

from __future__ import annotations

from focal_toolbox import errors
from focal_toolbox.domain.order import Attempt
from focal_toolbox.domain.tool import Tool


def check(attempt: Attempt, tool: Tool) -> None:
    """Refusal PENDING_MESSAGES_UNKNOWN for an irreversible call without the caller's word."""
    if tool.policy.commits_the_turn and not attempt.no_pending_messages:
        raise errors.Refusal(
            "PENDING_MESSAGES_UNKNOWN",
            f"{tool.name} cannot be undone: look for pending messages right before the call, and say so",
        )
