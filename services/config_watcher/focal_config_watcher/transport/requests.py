"""Checks on request fields that several RPCs share, and page tokens."""

import base64
import binascii
import json
import unicodedata

from focal_kernel import errors, ids

DEFAULT_PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
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


def page_size(value: int) -> int:
    """Entries to return; INVALID_FIELD when negative."""
    if value < 0:
        raise invalid("page_size", "must not be negative")
    return min(value or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def page_token(query: str, position: str) -> str:
    """An opaque token: go on behind `position` in the answer to `query`."""
    return base64.urlsafe_b64encode(json.dumps([query, position]).encode()).decode()


def position(token: str, query: str) -> str:
    """The position in a token, empty for the first page; INVALID_PAGE_TOKEN."""
    if not token:
        return ""
    try:
        of_query, found = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, TypeError, binascii.Error):
        of_query, found = None, None
    if of_query != query or not isinstance(found, str) or not found.isprintable():
        raise errors.InvalidArgument(
            "INVALID_PAGE_TOKEN", "the page token is not one of this query; start at the first page"
        )
    return found


def invalid(field: str, description: str) -> errors.InvalidArgument:
    """The refusal of one field."""
    return errors.InvalidArgument(
        "INVALID_FIELD",
        f"{field} {description}",
        violations=[errors.FieldViolation(field, description)],
    )
