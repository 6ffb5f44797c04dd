"""When a result that was read before may be used again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from focal_kernel import ids
from focal_toolbox.domain.order import Arguments, Attempt
from focal_toolbox.domain.tool import Tool


@dataclass(frozen=True, slots=True)
class Writes:
    """What a session has done to the world, looked up at `at` by the ledger's clock: when the latest of its
    effects last changed, and whether one is still open (being carried out, or in doubt).
    """

    at: datetime
    changed_at: datetime | None = None
    open: bool = False

    def before(self, moment: datetime) -> bool:
        """Whether all of it was over before `moment` of the ledger's clock."""
        return not self.open and (self.changed_at is None or self.changed_at < moment)


@dataclass(frozen=True, slots=True)
class KeptRead:
    """A result with the moments its request began, by the ledger's clock and in seconds of the process's
    own, and the moment the provider answered.
    """

    result_json: str
    began_at: datetime
    began_s: float
    read_at: datetime

    def fresh(self, now_s: float, fresh_s: float) -> bool:
        """Whether it is at most `fresh_s` seconds old; its age counts from the request."""
        return now_s - self.began_s <= fresh_s


def key(attempt: Attempt, tool: Tool, arguments: Arguments) -> str:
    """Equal for reads that ask the same of the same provider on behalf of the same agent."""
    return ids.digest(
        "read",
        attempt.tenant_id,
        attempt.agent_id,
        tool.name,
        tool.provider,
        tool.provider_config_json,
        arguments.canonical,
    )
