"""Orders, labels, pickups and refunds in one SQLite file. Every call is one short transaction."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from order_service import money, seed
from order_service.errors import (
    AlreadyRefunded,
    AmountTooHigh,
    KeyReused,
    NotDelivered,
    OrderNotFound,
    PickupNotFound,
)

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    number TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    delivered_on TEXT
);
CREATE TABLE IF NOT EXISTS items (
    number TEXT NOT NULL,
    sku TEXT NOT NULL,
    name TEXT NOT NULL,
    cents INTEGER NOT NULL,
    PRIMARY KEY (number, sku)
);
CREATE TABLE IF NOT EXISTS labels (
    number TEXT PRIMARY KEY,
    label TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS pickups (
    id INTEGER PRIMARY KEY,
    number TEXT NOT NULL,
    key TEXT,
    at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS cancellations (
    id INTEGER PRIMARY KEY,
    pickup INTEGER NOT NULL,
    at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS refunds (
    id INTEGER PRIMARY KEY,
    number TEXT NOT NULL,
    cents INTEGER NOT NULL,
    key TEXT,
    at TEXT NOT NULL
);
"""


@dataclass(frozen=True)
class Refund:
    """Money that was paid back; `key` is the idempotency key of its request, if it had one."""

    id: int
    order: str
    cents: int
    key: str | None
    at: str

    def as_json(self) -> dict[str, object]:
        return {
            "refund_id": f"RF-{self.id:05d}",
            "order": self.order,
            "amount": money.text(self.cents),
            "currency": "EUR",
            "key": self.key,
            "at": self.at,
        }


class Store:
    """One connection; the service's event loop is its only user.

    With `honour_key` a repeated idempotency key returns the first refund, and an order is refunded
    once in all. Without it every refund request is paid.
    """

    def __init__(self, path: Path | str, *, honour_key: bool = False, today: date | None = None) -> None:
        self._honour_key = honour_key
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(f"PRAGMA journal_mode=WAL; PRAGMA busy_timeout=2000; {SCHEMA}")
        seed.fill(self._db, today or datetime.now(UTC).date())

    def order(self, number: str) -> dict[str, object]:
        """The order as JSON. Raises OrderNotFound."""
        status, delivered_on = self._status(number)
        rows = self._db.execute("SELECT sku, name, cents FROM items WHERE number = ? ORDER BY sku", [number])
        items = [{"sku": sku, "name": name, "price": money.text(price)} for sku, name, price in rows]
        return {
            "order": number,
            "status": status,
            "delivered_on": delivered_on,
            "items": items,
            "total": money.text(self._total(number)),
            "refunded": money.text(self._refunded(number)),
            "pickup": self._standing_pickup(number),
            "currency": "EUR",
        }

    def label(self, number: str) -> dict[str, object]:
        """The order's one return label, made at the first request.

        Raises OrderNotFound, NotDelivered, AlreadyRefunded.
        """
        self._require_delivered(number)
        label = f"RL-{number}"
        self._db.execute("INSERT OR IGNORE INTO labels VALUES (?, ?)", [number, label])
        return {"order": number, "label": label, "carrier": "ParcelPost"}

    def book_pickup(self, number: str, key: str | None) -> dict[str, object]:
        """Sends a courier, and another one at every request unless keys are honoured.

        Raises OrderNotFound, NotDelivered, AlreadyRefunded.
        """
        self._require_delivered(number)
        booked = self._db.execute("SELECT id FROM pickups WHERE key = ?", [key]).fetchone()
        if booked is None or not self._honour_key:
            insert = "INSERT INTO pickups (number, key, at) VALUES (?, ?, ?) RETURNING id"
            booked = self._db.execute(insert, (number, key, _now())).fetchone()
        return {"order": number, "pickup": f"PU-{booked[0]:05d}", "carrier": "ParcelPost"}

    def cancel_pickup(self, pickup: str) -> dict[str, object]:
        """Calls the courier off; one that was called off before stays so. Raises PickupNotFound."""
        number = pickup.removeprefix("PU-")
        if not number.isdecimal() or not self._booked(int(number)):
            raise PickupNotFound(f"there is no pickup {pickup[:64]!r}")
        once = """
            INSERT INTO cancellations (pickup, at) SELECT ?1, ?2
            WHERE NOT EXISTS (SELECT 1 FROM cancellations WHERE pickup = ?1)
        """
        self._db.execute(once, (int(number), _now()))
        return {"pickup": pickup, "cancelled": True}

    def pickups(self) -> list[dict[str, object]]:
        """All pickups as they were booked, each with how often it was called off."""
        rows = self._db.execute(
            "SELECT id, number, key, (SELECT count(*) FROM cancellations c WHERE c.pickup = p.id)"
            " FROM pickups p ORDER BY id"
        )
        names = ("pickup", "order", "key", "cancellations")
        return [dict(zip(names, (f"PU-{id_:05d}", *rest), strict=True)) for id_, *rest in rows]

    def refund(self, number: str, amount_cents: int, key: str | None) -> Refund:
        """Pays, and records that it paid.

        Raises OrderNotFound, NotDelivered, AlreadyRefunded, AmountTooHigh; KeyReused when keys are
        honoured.
        """
        if self._honour_key and (first := self._by_key(key)):
            if (first.order, first.cents) != (number, amount_cents):
                raise KeyReused(f"the key was used to refund {money.text(first.cents)} of {first.order}")
            return first
        self._check_refund(number, amount_cents)
        at = _now()
        cursor = self._db.execute(
            "INSERT INTO refunds (number, cents, key, at) VALUES (?, ?, ?, ?)",
            (number, amount_cents, key, at),
        )
        assert cursor.lastrowid is not None
        return Refund(cursor.lastrowid, number, amount_cents, key, at)

    def refunds(self, key: str | None = None) -> list[Refund]:
        """All refunds in the order they were paid, or those of one idempotency key."""
        rows = self._db.execute(
            "SELECT id, number, cents, key, at FROM refunds WHERE ?1 IS NULL OR key = ?1 ORDER BY id",
            [key],
        )
        return [Refund(*row) for row in rows]

    def close(self) -> None:
        self._db.close()

    def _standing_pickup(self, number: str) -> str | None:
        """The last courier who was booked and not called off."""
        query = """
            SELECT max(id) FROM pickups p
            WHERE number = ? AND NOT EXISTS (SELECT 1 FROM cancellations c WHERE c.pickup = p.id)
        """
        found = self._db.execute(query, [number]).fetchone()[0]
        return None if found is None else f"PU-{found:05d}"

    def _booked(self, pickup: int) -> bool:
        return self._db.execute("SELECT 1 FROM pickups WHERE id = ?", [pickup]).fetchone() is not None

    def _status(self, number: str) -> tuple[str, str | None]:
        row = self._db.execute(
            "SELECT status, delivered_on FROM orders WHERE number = ?", [number]
        ).fetchone()
        if row is None:
            raise OrderNotFound(f"there is no order {number[:64]!r}")
        return row[0], row[1]

    def _require_delivered(self, number: str) -> None:
        status, _ = self._status(number)
        if status == "refunded":
            raise AlreadyRefunded(f"order {number} was refunded before")
        if status != "delivered":
            raise NotDelivered(f"order {number} is {status}")

    def _check_refund(self, number: str, amount_cents: int) -> None:
        self._require_delivered(number)
        left = self._total(number) - (self._refunded(number) if self._honour_key else 0)
        if left <= 0:
            raise AlreadyRefunded(f"order {number} was refunded in full")
        if amount_cents > left:
            raise AmountTooHigh(f"at most {money.text(left)} can be refunded for order {number}")

    def _by_key(self, key: str | None) -> Refund | None:
        found = self.refunds(key) if key is not None else []
        return found[0] if found else None

    def _total(self, number: str) -> int:
        return self._sum("SELECT sum(cents) FROM items WHERE number = ?", number)

    def _refunded(self, number: str) -> int:
        return self._sum("SELECT sum(cents) FROM refunds WHERE number = ?", number)

    def _sum(self, query: str, number: str) -> int:
        return int(self._db.execute(query, [number]).fetchone()[0] or 0)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
