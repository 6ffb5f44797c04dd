"""Sessions, as operators see and change them."""

from __future__ import annotations

from pydantic import Field

from focal_service_kit import settings
from focal_turn_gateway.domain.session_edits import EditLimits


class Sessions(settings.Section):
    """What operators may change in a session, and how it is read."""

    max_changes: int = Field(50, gt=0, description="variables that one update sets or removes")
    max_variables: int = Field(
        200, gt=0, description="variables of a session that an update may leave; agents may keep more"
    )
    max_variable_bytes: int = Field(8192, gt=0, description="bytes of one variable's canonical JSON")
    max_moves: int = Field(20, gt=0, description="moves that may wait for a session's next turn")

    cached_s: float = Field(30, gt=0, description="seconds a session is kept in Valkey for frequent readers")
    cache_timeout_s: float = Field(0.05, gt=0, description="seconds a read waits for Valkey")
    cache_pause_s: float = Field(2, gt=0, description="seconds in which a Valkey that is away is not asked")

    def edit_limits(self) -> EditLimits:
        """The limits of an edit."""
        return EditLimits(self.max_changes, self.max_variable_bytes, self.max_variables, self.max_moves)
