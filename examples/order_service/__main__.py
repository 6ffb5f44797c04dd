"""Runs the shop: `python examples/order_service --port 7480 --db orders.sqlite`."""

import argparse
import sys
from pathlib import Path

import uvicorn

if not __package__:  # started as a folder: its parent is not on the path yet
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from order_service.api import Shop
from order_service.store import Store


def main() -> None:
    """Reads the options and serves until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="order_service", description="the shop behind the returns desk")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7480, help="default 7480")
    parser.add_argument("--db", type=Path, default=Path("orders.sqlite"), help="SQLite file, made if absent")
    parser.add_argument(
        "--honour-idempotency-key",
        action="store_true",
        help="pay a repeated key once and an order once; without it every request is paid",
    )
    options = parser.parse_args()
    store = Store(options.db, honour_key=options.honour_idempotency_key)
    try:
        uvicorn.run(Shop(store).app(), host=options.host, port=options.port, log_level="warning")
    finally:
        store.close()


if __name__ == "__main__":
    main()
