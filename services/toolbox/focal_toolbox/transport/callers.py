"""Who may ask the toolbox for what."""

from __future__ import annotations

from focal.toolbox.v1 import tool_pb2
from focal_service_kit import identity
from focal_toolbox import errors


def internal() -> identity.Caller:
    """The caller when it is another service; ForeignAttempt otherwise."""
    caller = identity.current()
    if caller.kind is not identity.Kind.INTERNAL:
        raise errors.ForeignAttempt("a service's token")
    return caller


def of_session(session_id: str) -> str:
    """The tenant of a service that may act for a session: its token names that session or none."""
    caller = internal()
    if caller.session_id not in {"", session_id}:
        raise errors.ForeignAttempt("session")
    return identity.tenant()


def of_attempt(context: tool_pb2.ToolContext) -> str:
    """The tenant of a service whose token was minted for exactly this attempt."""
    caller = internal()
    pairs = {
        "session_id": (caller.session_id, context.session_id),
        "turn_id": (caller.turn_id, context.turn_id),
        "epoch": (caller.epoch, context.epoch),
    }
    foreign = [name for name, (minted, stated) in pairs.items() if minted != stated]
    if foreign:
        raise errors.ForeignAttempt(", ".join(foreign))
    return identity.tenant()
