"""Page tokens of effects and confirmations: a page starts before a position."""

from __future__ import annotations

from focal_service_kit import pages
from focal_toolbox.domain.confirmation import Filter
from focal_toolbox.domain.effect import Query

LONGEST_POSITION = 18  # digits that a bigint holds for certain


def encode(query: Query | Filter, before: int | None) -> str:
    """The token of the page before a position; empty for None."""
    return "" if before is None else pages.token(str(before), *_parts(query))


def decode(query: Query | Filter, token: str) -> int | None:
    """The position in a token, None for an empty one; `pages.BadToken` when it is not this query's."""
    if not token:
        return None
    position = pages.position(token, *_parts(query))
    if not (position.isascii() and position.isdigit()) or len(position) > LONGEST_POSITION:
        raise pages.BadToken
    return int(position)


def _parts(query: Query | Filter) -> tuple[str, ...]:
    kind = "confirmations" if isinstance(query, Filter) else "effects"
    return kind, query.tenant_id, query.session_id, query.state.value if query.state else ""
