"""The orders a fresh database holds: 10001 to 10020, delivered on fixed days before `today`."""

import sqlite3
from datetime import date, timedelta

# order → (status, days since delivery or None, [(sku, name, cents), …])
Items = list[tuple[str, str, int]]
ORDERS: dict[str, tuple[str, int | None, Items]] = {
    "10001": ("delivered", 5, [("SHOE-42", "Running shoes, size 42", 8990)]),
    "10002": ("delivered", 12, [("JKT-M", "Rain jacket, M", 12900), ("CAP-1", "Cap", 1990)]),
    "10003": ("delivered", 3, [("SHOE-39", "Trail shoes, size 39", 5990)]),
    "10004": ("shipped", None, [("LAMP-B", "Desk lamp, blue", 3450)]),
    "10005": ("delivered", 45, [("MUG-4", "Mugs, set of four", 2400)]),
    "10006": ("processing", None, [("TENT-2", "Tent for two", 19900)]),
    "10007": ("refunded", 20, [("BAG-R", "Rucksack, red", 7450)]),
    "10008": ("delivered", 29, [("PAN-28", "Frying pan, 28 cm", 3995)]),
    "10009": ("delivered", 31, [("KET-1", "Kettle", 4900)]),
    "10010": ("cancelled", None, [("BOOK-7", "Cook book", 2495)]),
    "10011": ("delivered", 1, [("HEAD-X", "Headphones", 24900)]),
    "10012": ("delivered", 8, [("DRESS-S", "Summer dress, S", 6490), ("BELT-1", "Belt", 2250)]),
    "10013": ("delivered", 14, [("CHAIR-2", "Garden chair", 8800)]),
    "10014": ("shipped", None, [("WATCH-3", "Watch", 15900)]),
    "10015": ("delivered", 2, [("BALL-5", "Football", 2990)]),
    "10016": ("delivered", 6, [("KNIFE-1", "Chef's knife", 7900)]),
    "10017": ("delivered", 9, [("PUZ-1000", "Puzzle, 1000 pieces", 1890)]),
    "10018": ("delivered", 27, [("BIKE-H", "Bicycle helmet", 6900)]),
    "10019": ("delivered", 4, [("SCARF-W", "Wool scarf", 3990)]),
    "10020": ("delivered", 60, [("SPEAK-2", "Speaker", 11900)]),
}


def fill(connection: sqlite3.Connection, today: date) -> None:
    """Inserts the orders that the database does not hold yet."""
    for number, (status, days, items) in ORDERS.items():
        delivered = (today - timedelta(days=days)).isoformat() if days is not None else None
        connection.execute("INSERT OR IGNORE INTO orders VALUES (?, ?, ?)", (number, status, delivered))
        connection.executemany(
            "INSERT OR IGNORE INTO items VALUES (?, ?, ?, ?)", [(number, *item) for item in items]
        )
