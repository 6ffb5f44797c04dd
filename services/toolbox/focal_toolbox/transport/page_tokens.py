"""Opaque page tokens: where the next page starts, bound to the query it belongs to."""

from __future__ import annotations

import base64
import binascii

from focal_kernel import ids
from focal_toolbox import errors
from focal_toolbox.domain.effect import Query

BINDING_CHARS = 12


def encode(query: Query, before: int | None) -> str:
    """The token of the page before a position; empty for None."""
    if before is None:
        return ""
    return base64.urlsafe_b64encode(f"{_binding(query)}{before}".encode()).decode().rstrip("=")


def decode(query: Query, token: str) -> int | None:
    """The position in a token, None for an empty one; BadPageToken when it is not this query's."""
    if not token:
        return None
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        raise errors.BadPageToken from None
    binding, position = text[:BINDING_CHARS], text[BINDING_CHARS:]
    if binding != _binding(query) or not position.isdigit() or len(position) > 18:
        raise errors.BadPageToken
    return int(position)


def _binding(query: Query) -> str:
    state = query.state.value if query.state else ""
    return ids.digest(query.tenant_id, query.session_id, state)[:BINDING_CHARS]
