import asyncio

import pytest

from focal_service_kit import tasks
from focal_turn_gateway import errors
from focal_turn_gateway.core.retain import DAY_S, Retain, Retention
from tests.fakes.until import until

KEPT = Retention(events_days=90, payloads_days=30, deliveries_days=7, artifacts_days=1, abuse_days=60)


class Rows:
    """`Retirement` over counts of old rows."""

    def __init__(self, **old: int) -> None:
        self.old = old
        self.away = False
        self.calls: list[tuple[str, float, int]] = []

    async def tenants(self) -> list[str]:
        if self.away:
            raise errors.StoreUnavailable
        return sorted(name for name in self.old if name in ("acme", "umbrella"))

    async def remove_events(self, tenant_id: str, age_s: float, limit: int) -> int:
        return self._remove(tenant_id, age_s, limit)

    async def empty_events(self, age_s: float, limit: int) -> int:
        return self._remove("payloads", age_s, limit)

    async def remove_deliveries(self, age_s: float, limit: int) -> int:
        return self._remove("deliveries", age_s, limit)

    async def remove_artifacts(self, age_s: float, limit: int) -> int:
        return self._remove("artifacts", age_s, limit)

    async def remove_abuse(self, age_s: float, limit: int) -> int:
        return self._remove("abuse", age_s, limit)

    async def remove_webhook_deliveries(self, age_s: float, limit: int) -> int:
        return self._remove("webhooks", age_s, limit)

    def _remove(self, what: str, age_s: float, limit: int) -> int:
        self.calls.append((what, age_s / DAY_S, limit))
        removed = min(limit, self.old.get(what, 0))
        self.old[what] = self.old.get(what, 0) - removed
        return removed


def retain(rows: Rows, every_s: float = 60) -> Retain:
    return Retain(rows, KEPT, every_s, batch=10, pause_s=0)


async def test_everything_past_its_days_is_removed_in_batches() -> None:
    rows = Rows(acme=25, umbrella=3, payloads=10, deliveries=1)
    await retain(rows).once()
    assert set(rows.old.values()) == {0}
    assert [call for call in rows.calls if call[0] == "acme"] == [("acme", 90, 10)] * 3
    assert {(what, days) for what, days, _ in rows.calls} == {
        ("acme", 90),
        ("umbrella", 90),
        ("payloads", 30),
        ("deliveries", 7),
        ("webhooks", 7),
        ("artifacts", 1),
        ("abuse", 60),
    }


async def test_a_tenant_with_very_many_old_events_does_not_hold_up_the_rest_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("focal_turn_gateway.core.retain._LONGEST_RUN", 2)
    rows = Rows(acme=1000, umbrella=5)
    await retain(rows).once()
    assert (rows.old["acme"], rows.old["umbrella"]) == (980, 0)


async def test_a_store_that_is_away_is_looked_at_again_later() -> None:
    rows = Rows(acme=1)
    rows.away = True
    running = asyncio.ensure_future(retain(rows, every_s=0.01).run())
    await asyncio.sleep(0.03)
    rows.away = False
    await until(lambda: rows.old["acme"] == 0, "the event is removed")
    await tasks.cancel([running])
