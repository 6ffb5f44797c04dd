from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import TypeVar

import pytest

from focal_kernel import errors
from focal_service_kit import identity
from focal_service_kit.identity import Caller, Kind, caller

T = TypeVar("T")


def as_caller(who: Caller, question: Callable[[], T]) -> T:
    """Ask `question` in a context whose caller is `who`."""

    def ask() -> T:
        caller.begin(caller.Incoming(who, "token", frozenset()))
        return question()

    return contextvars.copy_context().run(ask)


TENANT = Caller(Kind.TENANT, "ann", "acme", frozenset({"editor"}))
SERVICE = Caller(Kind.INTERNAL, "pipeline", "acme", frozenset({"internal"}))
OPERATOR = Caller(Kind.OPERATOR, "olga", roles=frozenset({"operator"}))


def test_outside_a_call_there_is_no_caller() -> None:
    with pytest.raises(errors.Unauthenticated):
        identity.current()


@pytest.mark.parametrize(
    ("who", "roles", "allowed"),
    [
        (TENANT, ("editor",), True),
        (TENANT, ("admin", "editor"), True),
        (TENANT, ("admin",), False),
        (TENANT, ("internal",), False),
        (SERVICE, ("internal",), True),
        (SERVICE, ("editor",), False),
        (OPERATOR, ("editor",), True),
        (OPERATOR, (), True),
        (TENANT, (), False),
    ],
)
def test_roles_decide_who_passes(who: Caller, roles: tuple[str, ...], allowed: bool) -> None:
    def ask() -> str:
        try:
            return identity.require_role(*roles).subject
        except errors.PermissionDenied as refused:
            return refused.reason

    assert as_caller(who, ask) == (who.subject if allowed else "INSUFFICIENT_PERMISSIONS")


def test_the_tenant_is_the_callers_whatever_the_body_leaves_out() -> None:
    assert as_caller(TENANT, identity.tenant) == "acme"
    assert as_caller(TENANT, lambda: identity.tenant("acme")) == "acme"


def test_a_body_with_another_tenant_is_refused() -> None:
    with pytest.raises(errors.PermissionDenied) as caught:
        as_caller(TENANT, lambda: identity.tenant("umbrella"))
    assert caught.value.reason == "TENANT_MISMATCH"


def test_a_caller_without_a_tenant_must_name_a_valid_one() -> None:
    assert as_caller(OPERATOR, lambda: identity.tenant("acme")) == "acme"
    for body in ("", "a:b"):
        with pytest.raises(errors.InvalidArgument):
            as_caller(OPERATOR, lambda body=body: identity.tenant(body))  # type: ignore[misc]
