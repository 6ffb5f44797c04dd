"""The query of one page of sessions: only the clauses that a listing needs, so that the plan fits it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from focal_turn_gateway.domain.sessions import Behind, Listing, SessionFilter, SessionOrder

# Lists leave the state out.
_SHOWN = """
session_id, tenant_id, agent_id, customer_id, channel, ended, config_version, turn_count, epoch, '' AS state,
created_at, updated_at, last_offset, open_messages, state_version AS version, ended_at, ended_by, end_reason
"""
_MINUTE = "date_bin('1 minute', {}::timestamptz, timestamptz '2000-01-01 00:00:00+00')"
"""As the column `updated_minute` is made, which has the index that `updated_at` cannot have."""


_UPDATED = "updated_minute DESC, updated_at DESC, session_id DESC"
_CREATED = "session_id DESC"


def page(tenant_id: str, listing: Listing, behind: Behind | None, limit: int) -> tuple[str, list[Any]]:
    """The query and its arguments: at most `limit` sessions behind a place in the listing, from its beginning
    when that is None.
    """
    wanted = _Wanted([tenant_id], ["tenant_id = $1"])
    wanted.match(listing.matching)
    updated = listing.order is SessionOrder.UPDATED
    if behind is not None and updated:
        at = wanted.given_as(behind.updated_at)
        wanted.clauses.append(f"updated_minute <= {_MINUTE.format(at)}")
        wanted.clauses.append(f"(updated_at, session_id) < ({at}, {wanted.given_as(behind.session_id)})")
    elif behind is not None:
        wanted.clauses.append(f"session_id < {wanted.given_as(behind.session_id)}")
    query = f"""
    SELECT {_SHOWN} FROM turns.session_overview WHERE {" AND ".join(wanted.clauses)}
    ORDER BY {_UPDATED if updated else _CREATED} LIMIT {wanted.given_as(limit)}
    """  # noqa: S608
    return query, wanted.given


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Clauses and what their numbered parameters are given."""

    given: list[Any]
    clauses: list[str]

    def given_as(self, value: Any) -> str:
        """The parameter that stands for a value."""
        self.given.append(value)
        return f"${len(self.given)}"

    def match(self, matching: SessionFilter) -> None:
        for column in ("agent_id", "channel", "customer_id"):
            if value := getattr(matching, column):
                self.clauses.append(f"{column} = {self.given_as(value)}")
        if matching.ended is not None:
            self.clauses.append("ended" if matching.ended else "NOT ended")
        for value, at, minute in ((matching.updated_after, ">=", ">="), (matching.updated_before, "<", "<=")):
            if value is not None:
                time = self.given_as(value)
                self.clauses.append(
                    f"updated_at {at} {time} AND updated_minute {minute} {_MINUTE.format(time)}"
                )
