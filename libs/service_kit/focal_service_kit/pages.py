"""Pages of lists: how many entries, and opaque tokens that say where the next page starts.

A token is bound to the query it was issued for, so that it cannot be carried over to another list.
It is no secret and grants nothing: a position that a caller made up must be as harmless as any other
field of a request.
"""

from __future__ import annotations

import base64
import binascii

from focal_kernel import errors, ids

DEFAULT_SIZE = 20
LARGEST_SIZE = 100
BINDING_CHARS = 12


class BadToken(errors.InvalidArgument):
    """The token is none of ours, or another query's."""

    def __init__(self) -> None:
        super().__init__("INVALID_PAGE_TOKEN", "page_token was not issued for this list; start without one")


def size(asked: int) -> int:
    """Entries of a page, `DEFAULT_SIZE` when 0 and `LARGEST_SIZE` at most; INVALID_FIELD when negative."""
    if asked < 0:
        violation = errors.FieldViolation("page_size", "must not be negative")
        raise errors.InvalidArgument(
            "INVALID_FIELD", "page_size must not be negative", violations=[violation]
        )
    return min(asked or DEFAULT_SIZE, LARGEST_SIZE)


def token(position: str, *query: str) -> str:
    """What leads to the page behind `position` of a query; empty when there is no such page."""
    if not position:
        return ""
    return base64.urlsafe_b64encode(f"{_binding(query)}{position}".encode()).decode().rstrip("=")


def position(found: str, *query: str) -> str:
    """The position in a token, empty for the first page; raises BadToken."""
    if not found:
        return ""
    try:
        text = base64.urlsafe_b64decode((found + "=" * (-len(found) % 4)).encode()).decode()
    except (binascii.Error, ValueError):
        raise BadToken from None
    binding, reached = text[:BINDING_CHARS], text[BINDING_CHARS:]
    if binding != _binding(query) or not reached or not reached.isprintable():
        raise BadToken
    return reached


def _binding(query: tuple[str, ...]) -> str:
    return ids.digest(*query)[:BINDING_CHARS]
