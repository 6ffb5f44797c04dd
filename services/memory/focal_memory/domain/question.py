"""What recall is asked, and what may be asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from focal_kernel import errors, ids

DEFAULT_LIMIT = 15
MAX_LIMIT = 50


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose episodes: those of a customer, of a session, or of a customer within one session.

    The tenant is the verified caller's; within it nothing is ever searched as a whole, so that one
    customer's words cannot surface in another's conversation.
    """

    tenant: str
    customer_id: str = ""
    session_id: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A text to match within a scope.

    `valid_at` asks for what was true then, `known_at` for what memory knew then; None means now.
    `limit` is the number of episodes wanted.
    """

    scope: Scope
    text: str
    limit: int = DEFAULT_LIMIT
    valid_at: datetime | None = None
    known_at: datetime | None = None


def check(question: Question, max_chars: int) -> None:
    """Raise InvalidArgument when the question cannot be answered; `max_chars` bounds its text."""
    _check_scope(question.scope)
    if not question.text.strip():
        raise _invalid("EMPTY_TEXT", "query", "must hold visible text")
    if len(question.text) > max_chars:
        raise _invalid("TEXT_TOO_LONG", "query", f"must not exceed {max_chars} characters")
    if not 1 <= question.limit <= MAX_LIMIT:
        raise _invalid("INVALID_FIELD", "limit", f"must be 1 to {MAX_LIMIT}, or 0 for {DEFAULT_LIMIT}")


def _check_scope(scope: Scope) -> None:
    if not scope.customer_id and not scope.session_id:
        raise _invalid("INVALID_FIELD", "customer_id", "is required unless session_id is given")
    if scope.customer_id:
        ids.check_id(scope.customer_id, "customer_id")
    if scope.session_id:
        ids.check_id(scope.session_id, "session_id")


def _invalid(reason: str, field: str, description: str) -> errors.InvalidArgument:
    violation = errors.FieldViolation(field, description)
    return errors.InvalidArgument(reason, f"{field} {description}", violations=[violation])
