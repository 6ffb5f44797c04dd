"""The root of every Focal error tree: one class per gRPC status family, one reason per error.

    FocalError
    ├── InvalidArgument      the request can never succeed as it is
    ├── Unauthenticated      nobody, or nobody we can verify
    ├── PermissionDenied     verified, but not allowed
    ├── NotFound · AlreadyExists
    ├── FailedPrecondition   the request is fine, the state is not
    ├── OutOfRange           past the end, or before the beginning, of what there is
    ├── Aborted              lost a race, a retry of the whole operation may win
    ├── ResourceExhausted    a limit or quota
    ├── Unavailable          try again later
    ├── DeadlineExceeded · Unimplemented
    └── Internal             our fault

Services subclass these. The translation to a wire status happens once, in `focal_service_kit`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One thing wrong with one field of a request; `field` is a path such as `messages[2].text`."""

    field: str
    description: str


class FocalError(Exception):
    """An error that callers may see.

    `reason` is a name of `focal.common.v1.ErrorReason` without its prefix, `message` is written for
    the caller and holds no secrets, `metadata` is machine-readable and `retry_after_s` is a wait in
    seconds, or None when waiting alone does not help.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        violations: Iterable[FieldViolation] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.violations = tuple(violations)
        self.retry_after_s = retry_after_s

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.reason!r}, {self.message!r})"


class InvalidArgument(FocalError):
    """The request is malformed, whatever the state of the system."""


class Unauthenticated(FocalError):
    """The caller showed no token, or none that verifies."""


class PermissionDenied(FocalError):
    """The caller is known and may not do this."""


class NotFound(FocalError):
    """The named thing does not exist, or not for this tenant."""


class AlreadyExists(FocalError):
    """The id or request id is taken by something else."""


class FailedPrecondition(FocalError):
    """The system is not in the state that the request needs."""


class OutOfRange(FocalError):
    """The request asks for a place that is not, or no longer, there."""


class Aborted(FocalError):
    """A concurrent change won; repeating the whole operation may succeed."""


class ResourceExhausted(FocalError):
    """A rate limit, quota or size limit is used up."""


class Unavailable(FocalError):
    """A dependency is away; the same request may succeed later."""


class DeadlineExceeded(FocalError):
    """The caller's time ran out before the work was done."""


class Unimplemented(FocalError):
    """The operation is part of the contract and not built yet."""


class Internal(FocalError):
    """A bug or broken invariant on our side."""
