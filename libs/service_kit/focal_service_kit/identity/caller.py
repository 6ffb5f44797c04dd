"""The verified caller of the current RPC and the questions that servicers ask about it."""

from __future__ import annotations

import enum
from contextvars import ContextVar
from dataclasses import dataclass

from focal_kernel import errors, ids

OPERATOR_ROLE = "operator"
INTERNAL_ROLE = "internal"


class Kind(enum.Enum):
    """What sort of caller it is."""

    TENANT = "tenant"
    """Somebody of one tenant, with a tenant token."""
    SERVICE = "service"
    """An outside service on the allow-list that names the tenant per call (the message router)."""
    INTERNAL = "internal"
    """Another Focal service, with an internal token."""
    OPERATOR = "operator"
    """The people who run Focal: role `operator` and no tenant of their own."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls; `tenant_id` is empty for callers that act for several tenants.

    `session_id`, `turn_id` and `epoch` are set on internal tokens that belong to one attempt.
    """

    kind: Kind
    subject: str
    tenant_id: str = ""
    roles: frozenset[str] = frozenset()
    tier: str = ""
    session_id: str = ""
    turn_id: str = ""
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Incoming:
    """A verified caller with the token it showed, kept to forward that token."""

    caller: Caller
    token: str
    audience: frozenset[str]


_incoming: ContextVar[Incoming | None] = ContextVar("focal_caller", default=None)


def begin(incoming: Incoming | None) -> None:
    """Note the caller of the RPC that starts; its task's context ends with it."""
    _incoming.set(incoming)


def incoming() -> Incoming | None:
    """The current caller with its token, or None outside an authenticated RPC."""
    return _incoming.get()


def current() -> Caller:
    """The verified caller of the current RPC; Unauthenticated outside one."""
    found = _incoming.get()
    if found is None:
        raise errors.Unauthenticated("AUTHENTICATION_REQUIRED", "the call carries no credentials")
    return found.caller


def require_role(*roles: str) -> Caller:
    """The caller when it is an operator or holds one of `roles`; else PermissionDenied.

    Internal callers hold the role `internal` and nothing else, so name it where services may call.
    """
    caller = current()
    if caller.kind is Kind.OPERATOR or not caller.roles.isdisjoint(roles):
        return caller
    raise errors.PermissionDenied(
        "INSUFFICIENT_PERMISSIONS",
        "the caller's roles do not allow this call",
        metadata={"required": ",".join(sorted(roles))},
    )


def tenant(body_tenant: str = "") -> str:
    """The tenant this call is about: the verified caller's.

    A body that names another is PermissionDenied TENANT_MISMATCH. Only callers without a tenant of
    their own (operators, trusted services, services acting by themselves) choose by the body.
    """
    caller = current()
    if not caller.tenant_id:
        return _named(body_tenant)
    if body_tenant and body_tenant != caller.tenant_id:
        raise mismatch()
    return caller.tenant_id


def mismatch() -> errors.PermissionDenied:
    """The refusal of a call that names a tenant other than its caller's."""
    return errors.PermissionDenied(
        "TENANT_MISMATCH", "the call names a tenant other than the verified caller's"
    )


def _named(body_tenant: str) -> str:
    if body_tenant:
        return ids.check_id(body_tenant, "tenant_id")
    raise errors.InvalidArgument(
        "INVALID_FIELD",
        "the caller belongs to no tenant, so the call must name one",
        violations=[errors.FieldViolation("tenant_id", "required for this caller")],
    )
