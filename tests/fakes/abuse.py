"""In-memory twins of what is held against customers, and calls about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from focal.turn.v1 import abuse_service_pb2 as pb
from focal.turn.v1 import abuse_service_pb2_grpc as api
from focal_turn_gateway import errors
from focal_turn_gateway.domain.abuse import Abuse, AbuseFilter, Finding, Standing
from focal_turn_gateway.domain.events import Event
from focal_turn_gateway.domain.triggers import Request
from focal_turn_gateway.ports.abuse import Lifted, Noted
from tests.fakes import in_process
from tests.fakes.turn_gateway import NOW

ONCE = Request("", "")


def desk(gateway: in_process.Running, token: str = "") -> Any:
    """Calls about abuse, of the tenant's admin unless another token is given."""
    chosen = token or gateway.deployment.tenant_token(roles=["admin"])
    return api.AbuseServiceStub(gateway.channel(chosen))


async def holding(gateway: in_process.Running, customer_id: str = "") -> list[Any]:
    """What holds against the tenant's customers."""
    listed = await desk(gateway).ListAbuse(pb.ListAbuseRequest(customer_id=customer_id, holding=True))
    return list(listed.entries)


class Records:
    """`AbuseRecords` over lists; while `away` the store does not answer. `noted` has findings with their
    further events.
    """

    def __init__(self) -> None:
        self.away = False
        self.standing_now: list[Standing] = []
        self.noted: list[tuple[Finding, Sequence[Event]]] = []
        self.refused: set[str] = set()
        self.reads = 0

    async def note(
        self, tenant_id: str, finding: Finding, request: Request, further: Sequence[Event] = ()
    ) -> Noted | None:
        self._reached()
        if finding.customer_id in self.refused:
            return None
        self.noted.append((finding, further))
        return Noted(entry(f"abs_{len(self.noted)}", finding), True, "ses_1")

    async def lift(self, tenant_id: str, customer_id: str, by: str, reason: str, request: Request) -> Lifted:
        self._reached()
        return Lifted((), "ses_1")

    async def page(self, tenant_id: str, chosen: AbuseFilter, before: str, limit: int) -> list[Abuse]:
        return []

    async def standing(self, tenant_id: str, customer_id: str) -> list[Standing]:
        self._reached()
        return [each for each in self.standing_now if each.tenant_id == tenant_id]

    async def standings(self, after: str, limit: int) -> tuple[list[Standing], str]:
        self._reached()
        page = self.standing_now[int(after or 0) :][:1]
        return page, str(int(after or 0) + 1) if page else ""

    def _reached(self) -> None:
        self.reads += 1
        if self.away:
            raise errors.StoreUnavailable


class Cache:
    """`StandingCache` in memory; while `away` nobody answers. `between` runs before each write."""

    def __init__(self) -> None:
        self.away = False
        self.written = False
        self.changes = 0
        self.kept: dict[str, Standing] = {}
        self.between: list[Any] = []

    async def fresh(self, for_s: float) -> bool:
        self._reached()
        was, self.written = self.written, True
        return was

    async def stale(self) -> None:
        self._reached()
        self.written = False

    async def changing(self) -> bytes:
        self._reached()
        self.changes += 1
        return str(self.changes).encode()

    async def version(self) -> bytes:
        self._reached()
        return str(self.changes).encode()

    async def write(self, standings: Sequence[Standing], version: bytes, *, replace: bool) -> bool:
        self._reached()
        if self.between:
            self.between.pop()()
        if str(self.changes).encode() != version:
            return False
        for each in standings:
            self.kept[each.customer_hash] = each
        return True

    def flush(self) -> None:
        self.written, self.kept = False, {}

    def _reached(self) -> None:
        if self.away:
            raise errors.CacheAway


def entry(abuse_id: str, finding: Finding) -> Abuse:
    return Abuse(
        abuse_id,
        finding.customer_id,
        finding.level,
        finding.cause,
        finding.evidence,
        finding.reason,
        finding.noted_by,
        NOW,
    )
