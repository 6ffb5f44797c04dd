"""Who may ask the toolbox for what."""

from __future__ import annotations

from focal.toolbox.v1 import tool_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal_service_kit import identity
from focal_toolbox import errors
from focal_toolbox.domain.confirmation import Approver

_CUSTOMER = "customer"
_ANSWERING_ROLE = "admin"


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


def of_answer(request: pb.ConfirmRequest) -> tuple[str, Approver, str]:
    """Tenant, whose answer it is, and who gave it.

    A service vouches for a customer, or outside of turns for an operator: nothing that a customer says within
    a turn can come out as an operator's word. PermissionDenied for everybody else without the role `admin`.
    """
    caller = identity.current()
    if caller.kind is not identity.Kind.INTERNAL:
        subject = identity.require_role(_ANSWERING_ROLE).subject
        return identity.tenant(), Approver.OPERATOR, subject
    tenant_id = of_session(request.session_id)
    if request.approver != tool_pb2.APPROVER_OPERATOR:
        return tenant_id, Approver.CUSTOMER, request.answered_by or _CUSTOMER
    if caller.turn_id:
        raise errors.ForeignAttempt("a token of no turn")
    return tenant_id, Approver.OPERATOR, request.answered_by or caller.subject
