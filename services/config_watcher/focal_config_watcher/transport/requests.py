"""Checks on request fields that several RPCs share."""

import unicodedata

from focal_kernel import errors, ids

MAX_NOTE_CHARS = 1000


def request_id(value: str) -> str:
    """A request id, which may be empty; INVALID_ID."""
    return ids.check_foreign_id(value, "request_id") if value else ""


def note(value: str, field: str) -> str:
    """A remark for people: one printable text; INVALID_FIELD."""
    if len(value) > MAX_NOTE_CHARS:
        raise invalid(field, f"must be at most {MAX_NOTE_CHARS} characters")
    if any(unicodedata.category(char) == "Cc" and char not in "\n\t" for char in value):
        raise invalid(field, "must not contain control characters")
    return value


def invalid(field: str, description: str) -> errors.InvalidArgument:
    """The refusal of one field."""
    return errors.InvalidArgument(
        "INVALID_FIELD",
        f"{field} {description}",
        violations=[errors.FieldViolation(field, description)],
    )
