"""The shop's own SQLite file: filled with fresh orders before it opens, read when all is over.

The verdict trusts this file alone about what was paid.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from order_service.store import Store

FIRST, COUNT = 30_000, 2_000
PRICE_CENTS = 5990


@dataclass(frozen=True)
class Refund:
    """Money that the shop paid; `key` is the idempotency key of the request."""

    order: str
    key: str


@dataclass(frozen=True)
class Pickup:
    """A courier that the shop sent for an order, and how often it called that one off."""

    order: str
    cancellations: int


@dataclass(frozen=True)
class Till:
    """The orders of one shop; each number is handed out once."""

    path: Path
    _numbers: Iterator[int]

    @classmethod
    def stocked(cls, path: Path) -> Till:
        """A new file with `COUNT` delivered orders that nobody has returned yet."""
        path.parent.mkdir(parents=True, exist_ok=True)
        Store(path).close()
        delivered = (datetime.now(UTC).date() - timedelta(days=3)).isoformat()
        numbers = range(FIRST, FIRST + COUNT)
        with closing(sqlite3.connect(path)) as database, database:
            database.executemany(
                "INSERT INTO orders VALUES (?, 'delivered', ?)", ((str(n), delivered) for n in numbers)
            )
            database.executemany(
                "INSERT INTO items VALUES (?, 'MUG-1', 'Mug', ?)", ((str(n), PRICE_CENTS) for n in numbers)
            )
        return cls(path, iter(numbers))

    def fresh(self) -> str:
        """The number of an order that nobody else gets."""
        return str(next(self._numbers))

    def pickups(self, orders: Collection[str]) -> list[Pickup]:
        """The couriers sent for these orders, in order of booking."""
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as database:
            rows = database.execute(
                "SELECT number, (SELECT count(*) FROM cancellations c WHERE c.pickup = p.id)"
                " FROM pickups p ORDER BY id"
            ).fetchall()
        return [Pickup(order, cancellations) for order, cancellations in rows if order in orders]

    def refunds(self, orders: Collection[str]) -> list[Refund]:
        """What was paid for these orders, in order of payment."""
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as database:
            rows = database.execute("SELECT number, key FROM refunds ORDER BY id").fetchall()
        return [Refund(order, key or "") for order, key in rows if order in orders]
