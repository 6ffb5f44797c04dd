"""What goes wrong in the toolbox.

    FocalError
    ├── BadRequest          INVALID_ARGUMENT  INVALID_FIELD: the request itself is malformed
    ├── ForeignAttempt      PERMISSION_DENIED INSUFFICIENT_PERMISSIONS: not what the token is for
    ├── Fenced              ABORTED           FENCED: a newer attempt runs; the caller must stop
    ├── TokenInvalid        NOT_FOUND         RESULT_TOKEN_INVALID: unknown, used, lapsed; never says which
    ├── EffectNotFound      NOT_FOUND         EFFECT_NOT_FOUND
    ├── NotResolvable       FAILED_PRECONDITION EFFECT_NOT_RESOLVABLE: there is no doubt to end
    ├── NotCheckable        FAILED_PRECONDITION EFFECT_NOT_CHECKABLE: nobody can be asked
    ├── CheckRunning        ABORTED           EFFECT_CHECK_RUNNING: it is being asked about right now
    ├── LedgerAway          UNAVAILABLE       DEPENDENCY_UNAVAILABLE
    ├── BundleUnusable      UNAVAILABLE       DEPENDENCY_UNAVAILABLE: cut or damaged on its way
    ├── ConfirmationNotFound NOT_FOUND           CONFIRMATION_NOT_FOUND
    ├── ConfirmationExpired  FAILED_PRECONDITION CONFIRMATION_EXPIRED
    ├── ConfirmationClosed   FAILED_PRECONDITION CONFIRMATION_CLOSED: used, or answered otherwise
    ├── ToolNotFound         NOT_FOUND           TOOL_NOT_FOUND
    ├── PolicyRuleNotFound   NOT_FOUND           POLICY_RULE_NOT_FOUND
    ├── PolicyFull           FAILED_PRECONDITION POLICY_FULL: as many rules as a tenant may have
    └── RequestIdReused      ALREADY_EXISTS      REQUEST_ID_REUSED

`Refusal` is none of these: it ends a call with a REFUSED result and never reaches the wire as an
error. Failures of a tool are results too (`domain.result`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from focal_kernel import errors


class BadRequest(errors.InvalidArgument):
    """Fields of the request are missing or malformed."""

    def __init__(self, *violations: errors.FieldViolation) -> None:
        text = "; ".join(f"{one.field} {one.description}" for one in violations)
        super().__init__("INVALID_FIELD", text, violations=violations)


@contextmanager
def located(part: str, place: str) -> Iterator[None]:
    """Inside, a BadRequest about fields of `part` tells where in the request that part stands."""
    try:
        yield
    except BadRequest as bad:
        fields = (
            replace(one, field=place + one.field.removeprefix(part)) if one.field.startswith(part) else one
            for one in bad.violations
        )
        raise BadRequest(*fields) from None


class ForeignAttempt(errors.PermissionDenied):
    """The call names another attempt than the one its token was minted for."""

    def __init__(self, required: str) -> None:
        super().__init__(
            "INSUFFICIENT_PERMISSIONS",
            f"the token does not allow this call: {required}",
            metadata={"required": required},
        )


class Fenced(errors.Aborted):
    """A newer attempt of the session holds the fence."""

    def __init__(self, epoch: int, fence: int) -> None:
        super().__init__(
            "FENCED",
            f"epoch {epoch} is over: the session's fence stands at {fence}",
            metadata={"epoch": str(epoch), "fence": str(fence)},
        )


class TokenInvalid(errors.NotFound):
    """No result may be reported with this token."""

    def __init__(self) -> None:
        super().__init__("RESULT_TOKEN_INVALID", "the token is not good for this report")


class EffectNotFound(errors.NotFound):
    """The tenant has no such effect."""

    def __init__(self, effect_id: str) -> None:
        super().__init__("EFFECT_NOT_FOUND", f"there is no effect {effect_id!r}")


class NotResolvable(errors.FailedPrecondition):
    """A statement about, or a check of, an effect that is not in doubt."""

    def __init__(self, effect_id: str, state: str) -> None:
        super().__init__(
            "EFFECT_NOT_RESOLVABLE",
            f"effect {effect_id} is {state}: only what is in doubt can be resolved",
            metadata={"state": state},
        )


class NotCheckable(errors.FailedPrecondition):
    """The effect's tool has no check."""

    def __init__(self, tool_name: str) -> None:
        super().__init__(
            "EFFECT_NOT_CHECKABLE",
            f"the definition of {tool_name} names no check; find out and resolve the effect yourself",
        )


class CheckRunning(errors.Aborted):
    """Another call, or a toolbox by itself, is asking about the effect."""

    def __init__(self, effect_id: str) -> None:
        super().__init__(
            "EFFECT_CHECK_RUNNING",
            f"effect {effect_id} is being asked about right now; repeat in some seconds",
        )


class LedgerAway(errors.Unavailable):
    """The ledger does not answer, or does not accept this process yet."""

    def __init__(self, message: str = "the effect ledger is away") -> None:
        super().__init__("DEPENDENCY_UNAVAILABLE", message, metadata={"dependency": "postgres"})


class BundleUnusable(errors.Unavailable):
    """A bundle arrived incomplete or damaged."""

    def __init__(self, message: str) -> None:
        super().__init__("DEPENDENCY_UNAVAILABLE", message, metadata={"dependency": "config_watcher"})


class ToolNotFound(errors.NotFound):
    """The agent's current bundle has no such tool."""

    def __init__(self, agent_id: str, tool_name: str) -> None:
        super().__init__("TOOL_NOT_FOUND", f"the agent {agent_id} has no tool {tool_name[:64]!r}")


class ConfirmationNotFound(errors.NotFound):
    """The session has no such confirmation."""

    def __init__(self, confirmation_id: str) -> None:
        super().__init__("CONFIRMATION_NOT_FOUND", f"the session has no confirmation {confirmation_id}")


class ConfirmationExpired(errors.FailedPrecondition):
    """The answer comes too late."""

    def __init__(self, confirmation_id: str) -> None:
        super().__init__(
            "CONFIRMATION_EXPIRED",
            f"confirmation {confirmation_id} lapsed; the call asks anew when it is made again",
        )


class ConfirmationClosed(errors.FailedPrecondition):
    """There is another answer already, or the yes was used."""

    def __init__(self, confirmation_id: str, state: str) -> None:
        super().__init__(
            "CONFIRMATION_CLOSED",
            f"confirmation {confirmation_id} is {state}, no answer can be given any more",
            metadata={"state": state},
        )


class PolicyRuleNotFound(errors.NotFound):
    """The tenant's tool policy has no such rule."""

    def __init__(self, rule_id: str) -> None:
        super().__init__("POLICY_RULE_NOT_FOUND", f"the tool policy has no rule {rule_id}")


class PolicyFull(errors.FailedPrecondition):
    """The tenant has as many rules as one may have."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            "POLICY_FULL", f"a tool policy has at most {limit} rules", metadata={"limit": str(limit)}
        )


class RequestIdReused(errors.AlreadyExists):
    """A request id that came with other content before."""

    def __init__(self) -> None:
        super().__init__("REQUEST_ID_REUSED", "this request_id was used with other content; use a new one")


class Refusal(Exception):
    """A call that must not be sent; `reason` as in `focal.common.v1.ErrorReason`.

    `passing` says that the same call may fare better soon, `retry_after_s` in how many seconds if that is
    known.
    """

    def __init__(
        self, reason: str, message: str, *, passing: bool = False, retry_after_s: float = 0.0
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.passing = passing
        self.retry_after_s = retry_after_s
